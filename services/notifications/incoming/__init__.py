"""Incoming mail: answers to what was mailed, and questions of people who write to the support address."""
