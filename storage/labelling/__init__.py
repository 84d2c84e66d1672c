"""Who judges what: the queue, verdicts, their consensus and the counts over them."""
