"""The sandbox: answers made from a document's own examples and schemas, given to calls that no provider need serve."""
