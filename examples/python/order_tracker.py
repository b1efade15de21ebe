"""What the examples share: where the server is, and requests that are sent again until they are answered for good."""
import os, random, sys, time
import requests

URL = os.environ.get("ORDER_TRACKER_URL", "http://localhost:8080").rstrip("/")
PATIENCE = 300  # seconds: nobody waits longer for an answer

# Not now, says the server, or a proxy before it.
LATER = {429, 502, 503, 504}


class Refused(Exception):
    """The server has understood, and says no: `code` is stable, `detail` is for people."""

    def __init__(self, status, problem):
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')} {problem.get('errors', '')}")
        self.status, self.code, self.problem = status, problem.get("code"), problem


def call(method, path, token, *, body=None, params=None, idempotency_key=None):
    """Asks the server, and gives back the JSON of its answer.

    What can be sent twice without harm is sent again when no answer comes or the server says "not now": whatever reads,
    and what has an Idempotency-Key, which stays the same."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if idempotency_key:
        headers["Idempotency-Key"] = idempotency_key
    harmless = method == "GET" or idempotency_key is not None
    deadline, failures = time.monotonic() + PATIENCE, 0
    while True:
        wait = random.uniform(0, min(30, 2**failures))
        try:
            answer = requests.request(method, f"{URL}/api/v1{path}", headers=headers, json=body, params=params, timeout=30)
            if answer.ok:
                return answer.json() if answer.content else None
            problem = as_problem(answer)
            retried = answer.status_code in LATER or problem.get("code") == "idempotency_in_progress"
            reason, error = f"{answer.status_code} {problem.get('code')}", Refused(answer.status_code, problem)
            if answer.headers.get("Retry-After", "").isdigit():
                wait += int(answer.headers["Retry-After"])  # and later each time: it does not know how many are waiting
        except requests.RequestException as lost:  # whether it was done, nobody knows
            retried, reason, error = True, type(lost).__name__, lost
        if not (harmless and retried) or time.monotonic() + wait > deadline:
            raise error
        print(f"{reason}; again in {wait:.1f} s", file=sys.stderr)
        time.sleep(wait)
        failures += 1


def as_problem(answer):
    try:
        return answer.json()  # application/problem+json
    except ValueError:
        return {"detail": answer.text[:200]}  # not from Order Tracker, but from something on the way


def setting(name):
    return os.environ.get(name) or sys.exit(f"{name} is not set")
