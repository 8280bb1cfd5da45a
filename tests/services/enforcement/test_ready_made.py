"""Ready-made answers are kept for those that came last: more subscriptions take no more room for them."""

from services.enforcement.limits.book import Book, Latest
from services.enforcement.limits.claims import Claim, Now
from services.enforcement.limits.rates import Rate
from services.enforcement.state.leases import Lease, Shelf


def _lease(number: int, shelf: Shelf) -> Lease:
    latest = Latest((1, 1), Rate(1, 1, 1), None)
    allowance = Book().allowance(f"sub_{number}", f"app_{number}|prd", latest, Now(0, 0))
    return Lease(f"sub_{number}", "pln", Claim(allowance, latest), shelf)


def test_of_all_answers_so_many_are_kept_those_that_came_last() -> None:
    shelf = Shelf(most=3)
    leases = [_lease(number, shelf) for number in range(5)]
    for lease in leases:
        assert shelf.put(lease, "list", b"answer") == b"answer"
    assert [len(each.answers) for each in leases] == [0, 0, 1, 1, 1]
    shelf.put(leases[0], "list", b"answer")
    assert [len(each.answers) for each in leases] == [1, 0, 0, 1, 1]


def test_of_one_lease_a_thousand_are_kept() -> None:
    shelf = Shelf()
    lease = _lease(1, shelf)
    for number in range(1_001):
        shelf.put(lease, number, b"answer")
    assert len(lease.answers) == 1
