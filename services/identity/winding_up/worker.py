"""The worker that ends what deleted organizations had, one small transaction after another."""

from chassis.acts import Deed
from chassis.mongo import Store
from chassis.principal import Principal
from chassis.repeating import Repeating
from services.identity.winding_up import actions
from services.identity.winding_up.actions import STEPS, Ending, Step

_DEED = Deed("wind_up_organization")
_POLL_SECONDS = 1.0
_BATCH = 100


class WindingUp(Repeating):
    """Looks for deleted organizations: at once when one is announced, and every second for what others have left."""

    def __init__(self, store: Store, steps: tuple[Step, ...] = STEPS, *, batch: int = _BATCH) -> None:
        super().__init__("identity.winding_up", every_seconds=_POLL_SECONDS)
        self._store = store
        self._steps = steps
        self._batch = batch

    def wake(self) -> None:
        """Say that there is an organization to wind up."""
        self._wanted.set()

    async def look(self) -> None:
        """Wind up whatever was deleted. Stopped within a batch, that batch is rolled back, and the rest waits."""
        while ending := await actions.take_ending(self._store.reader()):
            await self.wind_up(ending)

    async def wind_up(self, ending: Ending) -> None:
        """End everything that the organization has now."""
        for step in self._steps:
            while await self._end_some(ending, step):
                await actions.hold_ending(self._store.reader(), ending)
        await actions.leave_ending(self._store.reader(), ending)

    async def _end_some(self, ending: Ending, step: Step) -> bool:
        by = Principal(id=ending.deleted_by)
        return await self._store.transact(by, lambda tx: step(tx, ending.organization_id, self._batch), deed=_DEED)
