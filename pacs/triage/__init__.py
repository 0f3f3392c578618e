"""The AI hook: rules, tasks, webhooks, results. A leaf that follows the event log."""
