"""Makes an API key and prints it: EMAIL=… PASSWORD=… python get_api_key.py NAME SCOPE...

Log in as a person once, keep the key where you keep secrets, and give it to the programs. It is shown only now."""
import sys
from order_tracker import call, setting

name, *scopes = sys.argv[1:]
credentials = {"email": setting("EMAIL"), "password": setting("PASSWORD")}
token = call("POST", "/users/sessions", None, body=credentials)["access_token"]  # movers: /movers/sessions
print(call("POST", "/api-keys", token, body={"name": name, "scopes": scopes})["key"])
