"""What schemathesis has to be told of our server: who asks, and what no schema can say.

Who asks is the person whose EMAIL, PASSWORD and REALM are in the environment."""
import base64, json, os, re, uuid
import requests
import schemathesis

BASE, REALM = os.environ["ORDER_TRACKER_URL"], os.environ["REALM"]


@schemathesis.auth(refresh_interval=300)  # seconds; an access token is good for ten minutes
class Login:
    def get(self, case, context):
        credentials = {"email": os.environ["EMAIL"], "password": os.environ["PASSWORD"]}
        answer = requests.post(f"{BASE}/api/v1/{REALM}/sessions", json=credentials, timeout=30)
        answer.raise_for_status()
        return answer.json()["access_token"]

    def set(self, case, token, context):
        case.headers["Authorization"] = f"Bearer {token}"
        # Who ends the own session, or as an admin deactivates the own account, is out, and all that follows would be 401.
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        for name, own in (("session_id", claims["sid"]), ("mover_id", claims["sub"])):
            if case.path_parameters.get(name) == own:
                case.path_parameters[name] = str(uuid.UUID(int=0))


@schemathesis.hook
def before_call(context, case, kwargs):
    # The generator comes again and again with the same few keys, and with the reference of the contract's example. All but the
    # first would be told that and nothing else; there are other tests for that.
    if re.fullmatch("[!-~]{1,255}", str(case.headers.get("Idempotency-Key", ""))):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    for order in orders_in(case.body):
        if isinstance(order, dict) and str(order.get("reference")).startswith("PO-"):
            order["reference"] = f"PO-{uuid.uuid4()}"


def orders_in(body):
    if isinstance(body, dict):
        yield body
        items = body.get("items")
        yield from items if isinstance(items, list) else ()


# ---- In place of positive_data_acceptance ----

# A schema says what is well formed. Whether it is also right, these say: a time in the past, a URL of our own network, a
# reason that this move does not take, a password that is another.
RULES = {"invalid_value", "invalid_format", "invalid_characters", "not_allowed", "reason_required", "incorrect", "empty", "not_a_mover"}
# Texts whose form is nobody's business but the server's.
OPAQUE = {"invalid_cursor", "invalid_if_match", "invalid_idempotency_key"}


@schemathesis.check
def what_fits_the_schema_is_refused_by_a_rule_only(ctx, response, case):
    """What is refused as malformed or wrong, though it fits the schema, is so by a rule that no schema can express."""
    if not is_positive(case) or response.status_code not in (400, 413, 415, 422):
        return
    for code, violation in reasons(response.json()):
        assert is_a_rule(case, code, violation), f"{code} {violation}, though it fits the schema"


def reasons(problem):
    """The code of a problem, or of all that is in it, with the violation, where it is one."""
    if problem["code"] in ("validation_failed", "invalid_parameter"):
        yield from ((violation["code"], violation) for violation in problem["errors"])
    elif problem["code"] == "batch_refused":
        for one in problem["problems"]:
            yield from reasons(one["problem"])
    else:
        yield problem["code"], {}


def is_a_rule(case, code, violation):
    # The last word of where it is.
    name = (violation.get("pointer") or violation.get("parameter") or "").split("/")[-1]
    if code == "too_short" or (code, name) == ("missing", "title"):  # what shows nothing is no text, and no title
        return any(re.fullmatch(r"[\s\u200c\u200d\ufe0f]+", text) for text in texts([case.body, case.query]))
    if code == "too_long":  # passwords are measured in bytes
        return "password" in name
    if code == "unknown_field":  # as their descriptions say
        return REALM == "users" and name in ("assignee", "owner")
    return code in RULES | OPAQUE | {"reference_taken", "idempotency_key_reused"}


def texts(value):
    if isinstance(value, str):
        yield value
    for inner in [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(inner)


# ---- In place of negative_data_rejection, for batches ----


@schemathesis.check
def what_is_wrong_in_a_batch_is_refused(ctx, response, case):
    """As a whole, or item by item."""
    if case.operation.definition.raw["operationId"] not in ("createOrders", "addEvents"):
        return
    if response.status_code != 200 or case.meta is None or is_positive(case) or case.meta.phase.data.parameter_location != "body":
        return
    statuses = [result["status"] for result in response.json()["results"]]
    assert any(status >= 400 for status in statuses), f"all accepted: {statuses}"


def is_positive(case):
    return case.meta is not None and case.meta.generation.mode.is_positive
