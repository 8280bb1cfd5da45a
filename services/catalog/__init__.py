"""The catalogue: who provides, what is offered, under which plans, described by which documents; and the sandbox that answers."""
