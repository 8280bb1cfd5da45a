"""Who may do what about connection requests, agreements and approval steps: every verb, each role, everybody else."""

from typing import Any

import pytest

from tests.passports import GRANTS, ROLES
from tests.services.stage import Answered, Person, Stage
from tests.services.subscriptions.announcements import CONSUMER, PRODUCT
from tests.services.subscriptions.concluding import FORM, FROM, WISH, Cast, offer

OF_RECIPIENT, OF_PROVIDER, OF_OPERATOR, OF_PARTY = "recipient", "provider", "operator", "party"
FILE_ID = "fil_never"
# verb → whose it is, what it is about, the rest of the input.
VERBS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "change_connection_request": (OF_RECIPIENT, "request_id", FORM),
    "submit_connection_request": (OF_RECIPIENT, "request_id", {}),
    "withdraw_connection_request": (OF_RECIPIENT, "request_id", {}),
    "attach_agreement": (OF_RECIPIENT, "agreement_id", {"file_id": FILE_ID}),
    "renew_agreement": (OF_RECIPIENT, "agreement_id", {}),
    "countersign_agreement": (OF_PROVIDER, "agreement_id", {"file_id": FILE_ID}),
    "confirm_agreement": (OF_OPERATOR, "agreement_id", {"valid_from": FROM}),
    "return_agreement": (OF_OPERATOR, "agreement_id", {"reason": "No."}),
    "take_connection_request": (OF_OPERATOR, "request_id", {}),
    "assign_representative": (OF_OPERATOR, "request_id", {"user_id": "usr_representative"}),
    "request_document": (OF_OPERATOR, "request_id", {"kind": "NDA"}),
    "return_connection_request": (OF_OPERATOR, "request_id", {"reasons": ["No."]}),
    "reject_connection_request": (OF_OPERATOR, "request_id", {"reason": "No."}),
    "complete_connection_request": (OF_OPERATOR, "request_id", {}),
    "decide_approval_step": (OF_PARTY, "step_id", {"decision": "APPROVE"}),
    "substitute_approver": (OF_PARTY, "step_id", {"user_id": "usr_x"}),
    "withdraw_substitute": (OF_PARTY, "step_id", {"user_id": "usr_x"}),
}
NOT_ALLOWED = {
    "take_connection_request": "ONLY_REPRESENTATIVES_TAKE",
    "assign_representative": "ONLY_ADMINISTRATORS_ASSIGN",
}
by_verb = pytest.mark.parametrize("verb", VERBS)


@pytest.fixture
async def cast(empty_stage: Stage) -> Cast:
    await empty_stage.hear(*offer())
    return Cast(empty_stage)


async def asked_by(person: Person, verb: str, request: dict[str, Any]) -> Answered:
    _, on, more = VERBS[verb]
    ids = {"request_id": request["id"], "agreement_id": request["documents"][0]["id"], "step_id": request["approval"][0]["id"]}
    return await person.do(verb, **{on: ids[on]}, **more)


def is_let_through(answer: Answered) -> bool:
    """Say whether a verb came as far as the state of things."""
    return answer.status in (200, 409) or answer.body["code"] == "NO_SUCH_UPLOAD"


@by_verb
async def test_a_stranger_and_nobody_learn_nothing(cast: Cast, verb: str) -> None:
    request = await cast.filed()
    absent = {"id": "cnr_never", "documents": [{"id": "agr_never"}], "approval": [{"id": "aps_never"}]}
    foreign = await asked_by(cast.stranger, verb, request)
    assert (foreign.status, foreign.code) == (404, "NOT_FOUND")
    assert foreign.without_trace() == (await asked_by(cast.stranger, verb, absent)).without_trace()
    nobody = await asked_by(cast.stage.anonymous, verb, request)
    assert (nobody.status, nobody.code) == (401, "SIGN_IN_FIRST")
    assert nobody.without_trace() == (await asked_by(cast.stage.anonymous, verb, absent)).without_trace()


@by_verb
async def test_of_the_recipients_members(cast: Cast, verb: str) -> None:
    request = await cast.filed()
    for role in ROLES:
        answer = await asked_by(cast.stage.person("usr_2", org_consumer=role), verb, request)
        _check_org_consumer(answer, verb, role)


def _check_org_consumer(answer: Answered, verb: str, role: str) -> None:
    whose, on, _ = VERBS[verb]
    if "FILE_CONNECTION_REQUEST" not in GRANTS[role]:
        # They see where the request stands, and nothing of its documents.
        expected = {OF_RECIPIENT: "ROLE_NOT_ALLOWED", OF_PROVIDER: "ROLE_NOT_ALLOWED", OF_PARTY: "NOT_YOUR_STEP"}
        is_hidden = whose == OF_OPERATOR and on == "agreement_id"
        code = "ROLE_NOT_ALLOWED" if is_hidden else expected.get(whose, NOT_ALLOWED.get(verb, "ONLY_THE_OPERATOR_DECIDES"))
        assert (answer.status, answer.code) == (403, code)
    elif whose == OF_RECIPIENT:
        assert is_let_through(answer), answer.body
    else:
        expected = {OF_PROVIDER: "ONLY_THE_PROVIDER_COUNTERSIGNS", OF_PARTY: "NOT_YOUR_STEP"}
        code = expected.get(whose, NOT_ALLOWED.get(verb, "ONLY_THE_OPERATOR_DECIDES"))
        assert (answer.status, answer.code) == (403, code)


@by_verb
async def test_of_the_providers_members(cast: Cast, verb: str) -> None:
    request = await cast.filed()
    for role in ROLES:
        answer = await asked_by(cast.stage.person("usr_2", org_provider=role), verb, request)
        _check_org_provider(answer, verb, role)


def _check_org_provider(answer: Answered, verb: str, role: str) -> None:
    whose, on, _ = VERBS[verb]
    if "CONCLUDE_AGREEMENTS" not in GRANTS[role]:
        assert (answer.status, answer.code) == (403, "ROLE_NOT_ALLOWED")
    elif whose in (OF_PROVIDER, OF_PARTY):
        assert is_let_through(answer), answer.body
    elif whose == OF_RECIPIENT:
        code = "ONLY_THE_RECIPIENT_ATTACHES" if on == "agreement_id" else "ONLY_THE_RECIPIENT_FILES"
        assert (answer.status, answer.code) == (403, code)
    else:
        assert (answer.status, answer.code) == (403, NOT_ALLOWED.get(verb, "ONLY_THE_OPERATOR_DECIDES"))


@by_verb
async def test_of_the_operators_staff(cast: Cast, verb: str) -> None:
    request = await cast.taken()
    whose, on, _ = VERBS[verb]
    others = cast.stage.person("usr_other", platform_roles=("BUSINESS_REPRESENTATIVE",))
    ruled = {
        "administrator": await asked_by(cast.administrator, verb, request),
        "security": await asked_by(cast.security, verb, request),
        "other": await asked_by(others, verb, request),
        "support": await asked_by(cast.stage.person("usr_s", platform_roles=("SUPPORT",)), verb, request),
    }
    assert (ruled["support"].status, ruled["support"].code) == (404, "NOT_FOUND")
    if whose == OF_OPERATOR:
        # Nobody takes who is no representative; nobody assigns who is no administrator.
        takes = verb == "take_connection_request"
        if takes:
            assert (ruled["administrator"].code, ruled["other"].code) == ("ONLY_REPRESENTATIVES_TAKE", "ASSIGNED_TO_ANOTHER")
        else:
            assert is_let_through(ruled["administrator"]), ruled["administrator"].body
            assert ruled["other"].code == NOT_ALLOWED.get(verb, "NOT_YOUR_REQUEST")
        assert (ruled["security"].status, ruled["security"].code) == (403, NOT_ALLOWED.get(verb, "ONLY_THE_OPERATOR_DECIDES"))
        return
    code = {
        OF_RECIPIENT: "ONLY_THE_RECIPIENT_ATTACHES" if on == "agreement_id" else "ONLY_THE_RECIPIENT_FILES",
        OF_PROVIDER: "ONLY_THE_PROVIDER_COUNTERSIGNS",
        OF_PARTY: "NOT_YOUR_STEP",
    }[whose]
    for name in ("administrator", "security", "other"):
        assert (ruled[name].status, ruled[name].code) == (403, code), name


@pytest.mark.parametrize("verb", ["draft_connection_request", "file_connection_request"])
async def test_filing_is_an_action_of_the_organization(cast: Cast, verb: str) -> None:
    for role in ROLES:
        answer = await cast.stage.person("usr_2", org_consumer=role).do(verb, **WISH)
        assert is_let_through(answer) if "FILE_CONNECTION_REQUEST" in GRANTS[role] else answer.code == "ROLE_NOT_ALLOWED"
    foreign = await cast.stranger.do(verb, **WISH)
    absent = await cast.stranger.do(verb, **{**WISH, "organization_id": "org_never"})
    assert (foreign.status, foreign.code) == (404, "NOT_FOUND")
    assert foreign.without_trace() == absent.without_trace()
    assert (await cast.stage.anonymous.do(verb, **WISH)).code == "SIGN_IN_FIRST"
    for other in (cast.provider, cast.administrator, cast.representative):
        assert (await other.do(verb, **WISH)).code == "NOT_FOUND"


ARRANGING: list[tuple[str, dict[str, Any]]] = [
    ("set_required_documents", {"kinds": ["NDA"]}),
    ("set_approval_chain", {"steps": [{"party": "PROVIDER", "stage": 1, "due_days": 1}]}),
]


@pytest.mark.parametrize(("verb", "given"), ARRANGING)
async def test_what_a_connection_takes_is_said_by_the_provider(cast: Cast, verb: str, given: dict[str, Any]) -> None:
    mine = {"product_id": PRODUCT, **given}
    for role in ROLES:
        answer = await cast.stage.person("usr_2", org_provider=role).do(verb, **mine)
        assert answer.status == (200 if "CONCLUDE_AGREEMENTS" in GRANTS[role] else 403)
    assert (await cast.administrator.do(verb, **mine)).status == 200
    for other in (cast.stranger, cast.recipient, cast.representative, cast.security):
        foreign = await other.do(verb, **mine)
        absent = await other.do(verb, **{**mine, "product_id": "prd_never"})
        assert (foreign.status, foreign.code) == (404, "NOT_FOUND")
        assert foreign.without_trace() == absent.without_trace()
    assert (await cast.stage.anonymous.do(verb, **mine)).code == "SIGN_IN_FIRST"


async def test_what_is_seen_of_a_filed_request_and_by_whom(cast: Cast) -> None:
    request = await cast.filed()
    agreement_id = request["documents"][0]["id"]
    whole = [cast.recipient, cast.provider, cast.representative, cast.administrator, cast.security]
    for person in whole:
        (row,) = (await person.load("connection_requests_by_id", [request["id"]])).rows
        assert (row["form"]["purpose"], len(row["documents"])) == (FORM["purpose"], 4)
        assert (await person.load("agreements_by_id", [agreement_id])).rows != [None]
    partly = cast.stage.person("usr_2", org_consumer="DEVELOPER")
    (row,) = (await partly.load("connection_requests_by_id", [request["id"]])).rows
    assert (row["status"], row["form"], row["documents"]) == ("FILED", None, None)
    assert len(row["approval"]) == 2
    for hidden in (partly, cast.stage.person("usr_2", org_provider="DEVELOPER"), cast.stranger, cast.stage.anonymous):
        assert (await hidden.load("agreements_by_id", [agreement_id, "agr_never"])).rows == [None, None]
    for hidden in (cast.stage.person("usr_2", org_provider="DEVELOPER"), cast.stranger, cast.stage.anonymous):
        assert (await hidden.load("connection_requests_by_id", [request["id"], "cnr_never"])).rows == [None, None]
        assert (await hidden.load("connection_requests_by_organization", [CONSUMER])).rows == [None]
