"""Why a call is refused or would be: the chain that it hangs on, told link by link, and what was told of past refusals."""
