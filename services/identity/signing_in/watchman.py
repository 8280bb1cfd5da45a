"""The worker that tells of repeated failures to sign in: to everybody who listens, and to the owner of the account.

It does so beside the sign-ins, so that a failed one takes no longer for an account that exists than for one that does not.
"""

from chassis.mongo import Store, Transaction
from chassis.principal import system
from chassis.repeating import Repeating
from services.identity import throttles
from services.identity.accounts import repository as accounts
from services.identity.events import UserSignedInFailedRepeatedly
from services.identity.mail.actions import PostOffice, post
from services.identity.signing_in import repository
from services.identity.signing_in.domain import LETTERS, Alarm
from services.identity.signing_in.gate import Gate

_POLL_SECONDS = 5.0
_BATCH = 100


async def tell(tx: Transaction, alarm: Alarm, office: PostOffice) -> None:
    """Announce an alarm once, and write to the account's owner at most once a day; what nobody's address met is not told."""
    if not await repository.take_alarm(tx, alarm.id) or alarm.user_id is None:
        return
    user = await accounts.find_user(tx, alarm.user_id)
    if user is None:
        return
    fact = UserSignedInFailedRepeatedly(user_id=user.id, tries=alarm.tries, window_seconds=alarm.window_seconds)
    await tx.emit(fact, subject=user.id)
    if not (await throttles.count(tx, LETTERS, user.id)).is_over:
        minutes = alarm.window_seconds // 60
        await post(tx, office, "failed_sign_ins", user.email, language=user.language, tries=alarm.tries, minutes=minutes)


class Watchman(Repeating):
    """Works off the alarms, as soon as there are any."""

    def __init__(self, store: Store, gate: Gate, office: PostOffice) -> None:
        super().__init__("identity.signing_in", every_seconds=_POLL_SECONDS, wanted=gate.has_alarm)
        self._store = store
        self._office = office

    async def look(self) -> None:
        """Tell of every alarm."""
        for alarm in await repository.find_alarms(self._store.reader(), _BATCH):
            await self._tell(alarm)

    async def _tell(self, alarm: Alarm) -> None:
        await self._store.transact(system("signing_in"), lambda tx: tell(tx, alarm, self._office))
