"""Files of agreements and of approvals: hung on them when it is announced, seen by those who conclude and decide them."""
