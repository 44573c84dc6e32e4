"""Back-test: the model opens the books of a past date, replays what came from outside, is scored.

``observe`` keeps what is asked of one run, ``ensemble`` runs many, ``findings`` turns them into
probabilities, dates and bands, ``scores`` compares these with what happened. Only ``labels`` reads
what happened.
"""
