"""The bus of many processes: RabbitMQ, by way of aio-pika. No other module knows either.

* ``portico.events``, a durable topic exchange, takes every event.
* Each reaction has a durable quorum queue of its name, and beside it ``<queue>.dead`` for what was given up.
* ``portico.retry.<milliseconds>``: one fanout exchange with one quorum queue for each pause. A message waits there until its
  time is over; the broker then puts it back into the queue that its routing key names. Every hop is confirmed before the
  message it replaces is acknowledged, so that a crash in between makes two of it, never none.

A connection and all that hangs on it is one `Session`. Whatever goes wrong with it (a closed channel, a consumer that the
broker cancelled, a lost connection) ends the session; the next one declares and consumes everything anew.
"""

from chassis.rabbit.keeper import RabbitBus

__all__ = ["RabbitBus"]
