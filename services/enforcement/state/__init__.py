"""What decisions are made from: durable copies of what others announced, and the same in memory."""
