"""Who may do what: principals, grants, sessions and the audit trail."""
