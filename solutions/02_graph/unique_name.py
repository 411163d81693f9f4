"""Unique names (2 points)

Every operation of a graph has a name of its own.  Asked for a name that is taken, a graph puts _1, _2, ... behind it, the first that is
free.  The chapter's graph does that; what it does not have is scopes.

Inside the scope "hidden/" the name "add" means "hidden/add".  A name that ends in "/" is the name of a scope and is taken as it is, without
the slash and whatever the scope is now: "hidden/" means "hidden".

Ten thousand times the same name should take some milliseconds (more than a second is too long): the ten-thousandth "add" may not try add_1,
add_2, ... from the start.

    used = {}
    unique_name(used, "", "add")            "add"
    unique_name(used, "", "add")            "add_1"
    unique_name(used, "h/", "add")          "h/add"             another scope, another name
    unique_name(used, "", "add_1")          "add_1_1"           the name asked for is "add_1", which is taken
    unique_name(used, "", "add")            "add_2"
    unique_name(used, "h/", "h/")           "h"

Grade it with:  make grade CH=02
"""


def unique_name(used, scope, name):
    """The full name of a new operation, which nobody has had before.

    used: a dict that belongs to the graph, empty at first: keep in it what you need from call to call
    scope: "" or the open scopes, "a/b/"
    name: not empty; may end in "/"
    """
    ### BEGIN SOLUTION
    wanted = name[:-1] if name[-1] == "/" else scope + name
    free = wanted
    while free in used:                          # used: name -> how many were made from it
        used[wanted] += 1
        free = f"{wanted}_{used[wanted]}"
    used[free] = 0
    return free
    ### END SOLUTION
