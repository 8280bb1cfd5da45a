"""The engine: runs a whole document level by level, with one batched call a service and level.

Read in this order: ``declare`` (what a field may be), ``model`` (the schema as the engine sees it), ``plan`` (a document,
prepared), ``price`` (what it may ask for), ``run`` (asking, breadth-first), ``shape`` (answering, depth-first), ``front`` (the
whole way of one operation).
"""
