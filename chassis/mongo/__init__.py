"""The only door to the database: readers, transactions, indexes.

Every other module sees a ``Reader`` (collections outside a transaction) or a ``Transaction`` (collections inside one, and the
outbox). The driver is Motor; it is named in this package alone, so changing it is a change of this package.
"""

from pymongo import InsertOne, UpdateOne

from chassis.mongo.collection import Collection, DatabaseUnavailable, Document, DuplicateKey, Index
from chassis.mongo.files import Files, file_indexes
from chassis.mongo.recording import INDEXES as ACT_INDEXES
from chassis.mongo.sessions import INDEXES as SESSION_INDEXES
from chassis.mongo.store import Fact, Reader, Store, Transaction, connect, is_in_transaction

INDEXES = (*SESSION_INDEXES, *ACT_INDEXES)

__all__ = [
    "INDEXES",
    "Collection",
    "DatabaseUnavailable",
    "Document",
    "DuplicateKey",
    "Fact",
    "Files",
    "Index",
    "InsertOne",
    "Reader",
    "Store",
    "Transaction",
    "UpdateOne",
    "connect",
    "file_indexes",
    "is_in_transaction",
]
