"""Networks that memorize a task, one module a construction."""
