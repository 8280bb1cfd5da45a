"""Report: the signed paper of a campaign that is over, in each of the portal's languages."""
