"""The pages of development: GraphiQL, and what the links in mails lead to until there is a portal for people."""
