"""Which operation a path means, against a plain reading of the templates."""

import re

from hypothesis import given
from hypothesis import strategies as st

from services.enforcement.state.matching import Matcher, Operation

_SEGMENTS = st.sampled_from(["pets", "mine", "{id}", "{other}", "{id}.json", "v{n}", "a b", "7", "x.json", ""])
_TEMPLATES = st.lists(_SEGMENTS, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
_METHODS = st.sampled_from(["GET", "POST"])
_PATHS = st.lists(st.sampled_from(["pets", "mine", "7", "x.json", "v2", "a%20b", "", "%70ets"]), min_size=1, max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


def _matcher(*templates: str, method: str = "GET") -> Matcher:
    return Matcher([Operation(template, method, template) for template in templates])


def _meant(matcher: Matcher, path: str, method: str = "GET") -> str | None:
    operation = matcher.find(method, path).operation
    return operation and operation.id


def _plain(template: str) -> re.Pattern[str]:
    return re.compile("/".join(re.sub(r"\\\{[^{}]*?\\\}", "[^/]+", re.escape(part)) for part in template.split("/")))


@given(st.lists(st.tuples(_METHODS, _TEMPLATES), max_size=8), _METHODS, _PATHS)
def test_a_path_is_known_exactly_where_a_template_reads_like_it(templates: list[tuple[str, str]], method: str, path: str) -> None:
    operations = [Operation(f"{each} {template}", each, template) for each, template in templates]
    found = Matcher(operations).find(method, path)
    readable = path.replace("%20", " ").replace("%70", "p")
    reading = [each for each in operations if _plain(each.path).fullmatch(readable)] if not path.startswith("//") else []
    if found.operation is None:
        assert not [each for each in reading if each.method == method]
        assert set(found.methods) == {each.method for each in reading}
    else:
        assert found.operation in reading
        assert found.operation.method == method
        fixed = [each for each in reading if each.method == method and "{" not in each.path]
        assert not fixed or "{" not in found.operation.path


def test_fixed_segments_beat_templates_and_these_beat_parameters() -> None:
    matcher = _matcher("/pets/{id}", "/pets/mine", "/pets/{id}.json", "/{kind}/mine", "/pets/{id}/toys")
    assert _meant(matcher, "/pets/mine") == "/pets/mine"
    assert _meant(matcher, "/pets/7") == "/pets/{id}"
    assert _meant(matcher, "/pets/7.json") == "/pets/{id}.json"
    assert _meant(matcher, "/cars/mine") == "/{kind}/mine"
    assert _meant(matcher, "/pets/mine/toys") == "/pets/{id}/toys"
    assert _meant(matcher, "/pets/") is None
    assert _meant(matcher, "/pets") is None


def test_another_method_is_known_by_its_methods() -> None:
    matcher = Matcher([Operation("a", "get", "/pets"), Operation("b", "PUT", "/pets"), Operation("c", "DELETE", "/{kind}")])
    assert matcher.find("PATCH", "/pets").methods == ("DELETE", "GET", "PUT")
    assert _meant(matcher, "/pets", "GET") == "a"
    assert _meant(matcher, "/pets", "DELETE") == "c"


def test_encoded_letters_are_read_and_what_hides_a_separator_is_not() -> None:
    matcher = _matcher("/pets/{id}", "/a b")
    assert _meant(matcher, "/%70ets/7") == "/pets/{id}"
    assert _meant(matcher, "/a%20b") == "/a b"
    for hidden in ("/pets/1%2f2", "/pets/1%5C2", "/pets/%00", "/pets/..", "/pets/%2e%2e", "/pets/./7", "//pets/7", "/pets/1\\2"):
        assert _meant(matcher, hidden) is None, hidden


def test_many_ambiguous_templates_are_no_burden() -> None:
    deep = ["/" + "/".join("{p}" if number >> bit & 1 else "a" for bit in range(10)) + "/end" for number in range(1024)]
    matcher = _matcher(*deep)
    assert matcher.find("GET", "/" + "a/" * 10 + "nowhere").operation is None
    assert _meant(matcher, "/" + "b/" * 10 + "end") == "/" + "{p}/" * 10 + "end"
