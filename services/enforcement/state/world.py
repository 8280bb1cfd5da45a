"""The state that decisions are made from, in memory: changed by copies, compared by sequence, so their order does not matter."""

from sys import intern
from typing import NamedTuple

from services.enforcement.limits.book import Book, Latest
from services.enforcement.limits.claims import Alone, Claim, Limits, Now
from services.enforcement.limits.counting import Granted
from services.enforcement.limits.quotas import Quota
from services.enforcement.limits.rates import Rate
from services.enforcement.state.copies import (
    APPLICATION,
    CERTIFICATE,
    CLIENT_KEY,
    LIFE,
    ORGANIZATION,
    PERMISSION,
    PLAN,
    PRODUCT,
    SECRET,
    SUBSCRIPTION,
    SUSPENDED_CERTIFICATE,
    TOKEN,
    UPSTREAM,
    VERSION,
    Copy,
    Fields,
)
from services.enforcement.state.credentials import Issued
from services.enforcement.state.leases import Lease, Shelf
from services.enforcement.state.matching import Matcher, Operation
from services.enforcement.state.permits import GRANTED, Permission, Permit, permission_of
from services.enforcement.state.products import Product, product_of
from services.enforcement.state.upstreams import SANDBOX, THE_SANDBOX, Upstream, upstream_from
from services.enforcement.state.versions import IN_FORCE, Life, Version

ACTIVE = "ACTIVE"
SUSPENDED = "SUSPENDED"
_ENDED = frozenset({"CANCELLED", "REJECTED"})
PENDING = "PENDING"
_NANOSECONDS = 1_000_000_000
_FORGOTTEN_AFTER_NS = 60 * _NANOSECONDS


class Application(NamedTuple):
    """What calls APIs."""

    id: str
    organization_id: str
    client_id: str
    is_deleted: bool
    # Whether that is so because its organization is gone.
    is_orphaned: bool = False


class Plan(NamedTuple):
    """Under what rate and quota a product is called."""

    rate: Rate
    quota: Quota | None
    zone: str = "UTC"


class Subscription(NamedTuple):
    """An application on a plan of a product."""

    id: str
    application_id: str
    product_id: str
    plan_id: str
    status: str


class World:
    """Applications, secrets, products, versions, plans and subscriptions as far as they have been heard of."""

    def __init__(self, modest_rate: Rate, book: Book | None = None, limits: Limits | None = None) -> None:
        self.book = book or Book()
        self.limits = limits or Alone(self.book)
        # For open test products, and until a subscription's plan has been heard of.
        self._modest_rate = modest_rate
        self._sequences: dict[str, int] = {}
        self._applications: dict[str, Application] = {}
        self._by_client_id: dict[str, Application] = {}
        self._deleted_organizations: set[str] = set()
        # What counts no more: secrets, keys, certificates and tokens by id, each with its kind.
        self._withdrawn: dict[str, str] = {}
        self._revoked_until: dict[str, float] = {}
        self.issued = Issued()
        self._products: dict[str, Product] = {}
        self._versions: dict[str, Version] = {}
        self._by_base_path: dict[str, Version] = {}
        self._lives: dict[str, Life] = {}
        self._upstreams: dict[str, Upstream] = {}
        self._plans: dict[str, Plan] = {}
        self._subscriptions: dict[str, Subscription] = {}
        # Heard out of order, two can be active for a while: the later one counts, and the other one once that has ended.
        self._active: dict[tuple[str, str], tuple[Subscription, ...]] = {}
        # Why subscriptions stand still, by id.
        self._suspended: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}
        self._pending: dict[tuple[str, str], str] = {}
        self._ended: set[tuple[str, str]] = set()
        self._permissions: dict[tuple[str, str], dict[str, Permission]] = {}
        self._leases: dict[tuple[str, str], Lease] = {}
        self._shelf = Shelf()
        self.routes_changed = 0

    def apply(self, copy: Copy) -> bool:
        """Take over a copy unless a later one of the same thing is known; say whether it was news."""
        if self._sequences.get(copy.id, 0) >= copy.sequence:
            return False
        _APPLIERS[copy.kind](self, copy.id, copy.fields)
        self._sequences[copy.id] = copy.sequence
        return True

    def knows(self, copy_id: str, sequence: int) -> bool:
        """Say whether a change, or a later one of the same thing, is applied."""
        return self._sequences.get(copy_id, 0) >= sequence

    def _apply_application(self, identifier: str, fields: Fields) -> None:
        identifier, organization_id = intern(identifier), fields["organization_id"]
        is_orphaned = organization_id in self._deleted_organizations
        is_deleted = bool(fields["is_deleted"]) or is_orphaned
        application = Application(identifier, organization_id, fields["client_id"], is_deleted, is_orphaned)
        former = self._applications.get(identifier)
        if former is not None:
            self._by_client_id.pop(former.client_id, None)
        self._applications[identifier] = application
        self._by_client_id[application.client_id] = application
        self._drop_leases(application_id=identifier)

    def _apply_organization(self, identifier: str, fields: Fields) -> None:
        if not fields["is_deleted"]:
            return
        self._deleted_organizations.add(identifier)
        for application in [each for each in self._applications.values() if each.organization_id == identifier]:
            orphaned = application._replace(is_deleted=True, is_orphaned=True)
            self._applications[application.id] = self._by_client_id[application.client_id] = orphaned
            self._drop_leases(application_id=application.id)

    def _apply_secret(self, identifier: str, fields: Fields) -> None:
        self.issued.note(identifier, fields)
        if fields["is_retired"]:
            self._withdrawn[identifier] = SECRET

    def _apply_client_key(self, identifier: str, fields: Fields) -> None:
        self.issued.note(identifier, fields)
        if fields["is_retired"]:
            self._withdrawn[identifier] = CLIENT_KEY

    def _apply_certificate(self, identifier: str, fields: Fields) -> None:
        self.issued.note(identifier, fields)
        if not fields["is_retired"]:
            self._withdrawn.pop(identifier, None)
        else:
            self._withdrawn[identifier] = SUSPENDED_CERTIFICATE if fields.get("is_suspended") else CERTIFICATE

    def _apply_token(self, identifier: str, fields: Fields) -> None:
        self._withdrawn[identifier] = TOKEN
        self._revoked_until[identifier] = fields["expires_at"].timestamp()

    def _apply_product(self, identifier: str, fields: Fields) -> None:
        was_open = self.stays_open(identifier)
        self._products[identifier] = product_of(identifier, fields)
        self.routes_changed += was_open != self.stays_open(identifier)
        self._drop_leases(product_id=identifier)

    def _apply_version(self, identifier: str, fields: Fields) -> None:
        former = self._versions.get(identifier)
        if former is not None:
            self._by_base_path.pop(former.base_path, None)
        operations = [Operation(each["operation_id"], each["method"], each["path"]) for each in fields["operations"]]
        base_path = fields["base_path"]
        # Copies that are older than scopes do not name the product's slug: it is where every base path begins.
        slug = fields.get("product_slug") or base_path.split("/")[1]
        version = Version(
            identifier, fields["product_id"], slug, base_path, Matcher(operations), self._lives.get(identifier, IN_FORCE)
        )
        self._versions[identifier] = version
        self._by_base_path[version.base_path] = version
        self.routes_changed += 1

    def _apply_life(self, _identifier: str, fields: Fields) -> None:
        version_id, is_retired = fields["version_id"], fields["status"] == "RETIRED"
        life = Life(is_retired, fields.get("deprecated_at"), fields.get("sunset_at"), fields.get("successor"))
        self._lives[version_id] = life
        version = self._versions.get(version_id)
        if version is not None:
            self._versions[version_id] = self._by_base_path[version.base_path] = version._replace(life=life)
            # Ready-made answers tell of it.
            self._drop_leases(product_id=version.product_id)

    def _apply_upstream(self, _identifier: str, fields: Fields) -> None:
        version_id, upstream = fields["version_id"], upstream_from(fields)
        if upstream is None:
            self._upstreams.pop(version_id, None)
        else:
            self._upstreams[version_id] = upstream
        self.routes_changed += 1

    def _apply_plan(self, identifier: str, fields: Fields) -> None:
        rate = Rate(fields["rate_requests"], fields["rate_seconds"], max(fields["burst"], 1))
        zone = fields.get("quota_time_zone") or "UTC"
        quota = None if fields["quota_calls"] is None else Quota(fields["quota_calls"], fields["quota_period"], zone)
        self._plans[identifier] = Plan(rate, quota, zone)
        self._drop_leases(plan_id=identifier)

    def _apply_subscription(self, identifier: str, fields: Fields) -> None:
        # What many subscriptions name is held once.
        names = ("application_id", "product_id", "plan_id", "status")
        subscription = Subscription(identifier, *(intern(fields[name]) for name in names))
        self._subscriptions[identifier] = subscription
        pair = (subscription.application_id, subscription.product_id)
        active = tuple(each for each in self._active.get(pair, ()) if each.id != identifier)
        if subscription.status == ACTIVE:
            active = (*active, subscription)
        if active:
            self._active[pair] = active
        else:
            self._active.pop(pair, None)
        self._note_suspended(pair, subscription, fields)
        if subscription.status == PENDING:
            self._pending[pair] = identifier
        elif self._pending.get(pair) == identifier:
            del self._pending[pair]
        if subscription.status in _ENDED:
            self.book.forget(identifier)
        if subscription.status in _ENDED and pair not in self._active:
            self._ended.add(pair)
        else:
            self._ended.discard(pair)
        self._leases.pop(pair, None)

    def _note_suspended(self, pair: tuple[str, str], subscription: Subscription, fields: Fields) -> None:
        suspended = self._suspended.setdefault(pair, {})
        suspended.pop(subscription.id, None)
        if subscription.status == SUSPENDED:
            suspended[subscription.id] = tuple(fields.get("causes", ()))
        if not suspended:
            del self._suspended[pair]

    def _apply_permission(self, identifier: str, fields: Fields) -> None:
        pair = (fields["application_id"], fields["product_id"])
        granted = self._permissions.setdefault(pair, {})
        granted.pop(identifier, None)
        if fields["status"] == GRANTED:
            granted[identifier] = permission_of(identifier, fields)
        if not granted:
            del self._permissions[pair]
        self._leases.pop(pair, None)

    def _drop_leases(self, application_id: str | None = None, product_id: str | None = None, plan_id: str | None = None) -> None:
        stale = [
            pair
            for pair, lease in self._leases.items()
            if pair[0] == application_id or pair[1] == product_id or (plan_id is not None and lease.plan_id == plan_id)
        ]
        for pair in stale:
            del self._leases[pair]

    def application_of(self, client_id: str) -> Application | None:
        """Return the application with this Client ID, deleted or not."""
        return self._by_client_id.get(client_id)

    def application(self, application_id: str) -> Application | None:
        """Return an application by its id, deleted or not."""
        return self._applications.get(application_id)

    def product(self, product_id: str) -> Product | None:
        """Return a product, published or not."""
        return self._products.get(product_id)

    def versions_of(self, product_id: str) -> list[Version]:
        """Return the versions of a product that were published, the oldest first; retired ones too."""
        return sorted((each for each in self._versions.values() if each.product_id == product_id), key=lambda each: each.id)

    def is_pending(self, application_id: str, product_id: str) -> bool:
        """Say whether a subscription of the application to the product waits for the provider."""
        return (application_id, product_id) in self._pending

    def has_ended(self, application_id: str, product_id: str) -> bool:
        """Say whether the last that was heard of an application and a product is that a subscription ended or was rejected."""
        return (application_id, product_id) in self._ended

    def suspended_for(self, application_id: str, product_id: str) -> tuple[str, ...] | None:
        """Return what the application's subscription to the product stands still for, or None where it does not."""
        suspended = self._suspended.get((application_id, product_id))
        return suspended[max(suspended)] if suspended else None

    def withdrawn_among(self, ids: tuple[str, ...]) -> str | None:
        """Return the kind of the first of these that counts no more, or None. One not heard of yet counts."""
        withdrawn = self._withdrawn
        for each in ids:
            if each in withdrawn:
                return withdrawn[each]
        return None

    def version_at(self, base_path: str) -> Version | None:
        """Return the version that is published at exactly this base path."""
        return self._by_base_path.get(base_path)

    def upstream_of(self, version_id: str, environment: str) -> Upstream:
        """Return where a version's calls go in an environment: what has no upstream of its own is answered by the sandbox."""
        return THE_SANDBOX if environment == SANDBOX else self._upstreams.get(version_id, THE_SANDBOX)

    def stays_open(self, product_id: str) -> bool:
        """Say whether the product's calls pass while nobody can say whether they may."""
        product = self._products.get(product_id)
        return product is not None and product.stays_open

    def versions(self) -> list[Version]:
        """Return all published versions, in the order of their base paths."""
        return [self._by_base_path[base_path] for base_path in sorted(self._by_base_path)]

    def lease(self, application_id: str, product_id: str, now_ns: int, wall_ns: int) -> Lease | None:
        """Return the application's right to call the product, or None where it has none."""
        pair = (application_id, product_id)
        lease = self._leases.get(pair)
        if lease is None:
            lease = self._new_lease(pair, now_ns, wall_ns)
            if lease is not None:
                self._leases[pair] = lease
        return lease

    def _new_lease(self, pair: tuple[str, str], now_ns: int, wall_ns: int) -> Lease | None:
        active, now = self._active.get(pair), Now(now_ns, wall_ns)
        if not active:
            product = self._products.get(pair[1])
            if pair in self._suspended or product is None or not product.is_open:
                return None
            claim = self._claim("|".join(pair), pair, Latest((0, 0), self._modest_rate, None), now)
            return Lease(None, None, claim, self._shelf)
        subscription = max(active, key=lambda each: each.id)
        plan = self._plans.get(subscription.plan_id) or Plan(self._modest_rate, None)
        version = (self._sequences.get(subscription.id, 0), self._sequences.get(subscription.plan_id, 0))
        claim = self._claim(subscription.id, pair, Latest(version, plan.rate, plan.quota), now)
        product = self._products.get(pair[1])
        permits = self._permits(pair, plan.zone, now) if product is not None and product.needs_permission else None
        return Lease(subscription.id, subscription.plan_id, claim, self._shelf, permits)

    def _claim(self, key: str, pair: tuple[str, str], latest: Latest, now: Now) -> Claim:
        return Claim(self.book.allowance(key, "|".join(pair), latest, now), latest)

    def _permits(self, pair: tuple[str, str], zone: str, now: Now) -> tuple[Permit, ...]:
        return tuple(Permit(each, self._granted(each, "|".join(pair), zone, now)) for each in self._permitted(pair))

    def _permitted(self, pair: tuple[str, str]) -> list[Permission]:
        return sorted(self._permissions.get(pair, {}).values(), key=lambda each: each.id)

    def permitted(self, application_id: str, product_id: str) -> tuple[Permit, ...] | None:
        """Return what an application is permitted without a subscription, uncounted; None where no permission is needed."""
        product = self._products.get(product_id)
        if product is None or not product.needs_permission:
            return None
        return tuple(Permit(each, Granted(each.id, None, None)) for each in self._permitted((application_id, product_id)))

    def _granted(self, permission: Permission, place: str, zone: str, now: Now) -> Granted:
        quota = None if permission.quota is None else permission.quota._replace(zone=zone)
        return self.book.granted(permission.id, place, quota, now)

    def tidy(self, now_ns: int, wall_ns: int) -> None:
        """Forget what nobody needs: open test callers' allowances that are whole again, and revoked tokens that have expired."""
        over = [
            token_id for token_id, until in self._revoked_until.items() if until * _NANOSECONDS <= wall_ns - _FORGOTTEN_AFTER_NS
        ]
        for token_id in over:
            del self._revoked_until[token_id], self._withdrawn[token_id], self._sequences[token_id]
        for place in self.book.tidy(now_ns):
            application_id, _, product_id = place.partition("|")
            self._leases.pop((application_id, product_id), None)


_APPLIERS = {
    APPLICATION: World._apply_application,  # noqa: SLF001 - this is the class's own table
    ORGANIZATION: World._apply_organization,  # noqa: SLF001
    CLIENT_KEY: World._apply_client_key,  # noqa: SLF001
    CERTIFICATE: World._apply_certificate,  # noqa: SLF001
    TOKEN: World._apply_token,  # noqa: SLF001
    SECRET: World._apply_secret,  # noqa: SLF001
    PRODUCT: World._apply_product,  # noqa: SLF001
    VERSION: World._apply_version,  # noqa: SLF001
    LIFE: World._apply_life,  # noqa: SLF001
    UPSTREAM: World._apply_upstream,  # noqa: SLF001
    PLAN: World._apply_plan,  # noqa: SLF001
    SUBSCRIPTION: World._apply_subscription,  # noqa: SLF001
    PERMISSION: World._apply_permission,  # noqa: SLF001
}
