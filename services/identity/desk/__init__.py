"""The operator's desk: finding what somebody calls about."""
