"""A member of a fleet: a real Envoy that shares no file with enforcement but its own log, for the test to read."""

import orjson

from services.enforcement.main import fleet_plane
from services.enforcement.proxy import command
from services.enforcement.proxy.fleet import bootstrap as fleet
from tests.services.enforcement.stage import DataPlaneStage

SECRET = "members-of-the-fleet-show-this-secret"


class FleetStage(DataPlaneStage):
    """The data plane whose proxy asks for its configuration."""

    def prepare(self) -> list[str]:
        """Write the member's bootstrap, and nothing else."""
        plane = fleet_plane(self.settings, self.check_port)
        plane.log_file.parent.mkdir(parents=True, exist_ok=True)
        plane.bootstrap_file.write_bytes(orjson.dumps(fleet.bootstrap(plane)))
        return command.command(plane)
