"""What schemathesis must not ask of the control stream: to end.

Everything else may be done to it and around it. Three things exist to end a stream or to take it off
air, and would rightly do so: its end, the disabling of its destination, the end of its session (and
its block, which ends it too). Those are turned to another stream or session; so is the revocation of
the token that schemathesis itself asks with, after which nothing would be asked any more.

What belongs here: what a request is turned to. What must not: what an answer should be.
"""

import os

import schemathesis

CONTROL = os.environ["CONTROL_STREAM"]
ENDS_STREAM = {"end_stream", "disable_destination"}
# Ids of one kind: (operations, parameter, the one that is spared)
SPARED = [
    ({"end_session", "block_session"}, "session", os.environ["CONTROL_SESSION"]),
    ({"revoke_token"}, "token", os.environ["OWN_TOKEN"]),
]
NOBODY = "nobody"


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation.definition.raw.get("operationId")
    path = case.path_parameters
    if operation in ENDS_STREAM and path.get("stream") == CONTROL:
        path["stream"] = "filed"
    for operations, parameter, spared in SPARED:
        if operation in operations and path.get(parameter) == spared:
            path[parameter] = NOBODY
