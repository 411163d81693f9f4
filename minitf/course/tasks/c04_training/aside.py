from minitf.course.task import Task, equal, expect

task = Task(
    "A file that survives its writer",
    function="written_aside",
    replaces="minitf.platform.aside.written_aside", lends=["_remove_abandoned"],
    hints=["Write to `temporary`, not to `path`. Which call gives a file another name, in the place of one that may be there, in one "
           "step?",
           "file.write puts bytes into a buffer of Python; file.flush gives them to the operating system, which keeps them in memory "
           "for half a minute; os.fsync(file.fileno()) waits until they are on disk. All of that before os.replace.",
           "Open `temporary` first: if that fails, there is nothing to clean up. From there on, try: yield, flush, fsync, close, "
           "os.replace; except BaseException: unlink `temporary` and raise. After it: os.open the folder, os.fsync that, and os.close "
           "it whatever happens."],
    why="""On a disk that fills up, on a machine that loses power and in a process that is killed, the old checkpoint is worth more
        than the new one. rename is the one operation of a file system that is all or nothing, so everything else happens before it,
        beside the old file. The fsync before it matters because a file system may put the new name on disk before the bytes (ext4
        did, in 2009, and left empty files after power cuts); the fsync of the folder after it, because save() has promised
        something once it returns.""")


def written(mine, path, pieces, look):
    """Write pieces; what path holds after each of them (None: it is not there), then at the end, and what lies in its folder then."""
    import contextlib
    import os
    write = contextlib.contextmanager(mine.written_aside)
    seen = []

    def content():
        if not os.path.exists(path):
            return None
        with open(path, "rb") as file:
            return file.read()

    with write(path) as file:
        for piece in pieces:
            file.write(piece)
            if look:
                file.flush()
                seen.append(content())
    return seen, content(), sorted(os.listdir(os.path.dirname(path) or "."))


def interrupted(mine, path, kind):
    """The block raises: which error comes out, what path holds, what lies in the folder."""
    import contextlib
    import os
    write = contextlib.contextmanager(mine.written_aside)
    error = {"KeyError": KeyError, "KeyboardInterrupt": KeyboardInterrupt}[kind]("stop")
    try:
        with write(path) as file:
            file.write(b"half of what was to be wr")
            raise error
    except BaseException as caught:
        came = type(caught).__name__ if caught is error else f"another {type(caught).__name__}"
    else:
        came = "nothing"
    with open(path, "rb") as file:
        return came, file.read(), os.listdir(os.path.dirname(path) or ".")


def refused(mine, path, how):
    """The block ends well, but no file can be made in its folder, or path is a folder: the error that comes out, and what lies there."""
    import builtins
    import contextlib
    import errno
    import io
    import os

    def read_only(plain):
        def call(name, *args, **kwargs):
            if str(name).endswith(".part"):
                raise PermissionError(errno.EACCES, "Permission denied", name)
            return plain(name, *args, **kwargs)
        return call

    plain, opening = io.open, os.open
    spaces = [(vars(module), key) for module in (builtins, io, os, mine) for key, value in vars(module).items()
              if value is plain or value is opening]
    changed = [(space, key, space[key]) for space, key in spaces] if how == "read-only" else []
    if how == "a folder":
        os.mkdir(path)
    for space, key, value in changed:
        space[key] = read_only(value)
    try:
        with contextlib.contextmanager(mine.written_aside)(path) as file:
            file.write(b"what was to be written")
        came = "nothing", ""
    except BaseException as error:
        came = type(error).__name__, str(error)
    finally:
        for space, key, value in changed:
            space[key] = value
    return came, sorted(os.listdir("."))


def left_open(mine, path, how):
    """How many files of the process are open after a block that were not before it, and whether the block's file is closed."""
    import contextlib
    import os

    def files():
        count = 0
        for number in range(128):
            with contextlib.suppress(OSError):
                os.fstat(number)
                count += 1
        return count

    before, file = files(), None
    with contextlib.suppress(KeyError, tf.OpError):
        with contextlib.contextmanager(mine.written_aside)(path) as file:
            file.write(b"a few bytes")
            if how == "raises":
                raise KeyError("stop")
    return files() - before, file.closed


def full_disk(mine, path, size, most):
    """A limit on the size of files stands for a full disk."""
    import os
    import resource
    from minitf.platform.checkpoint_file import write_checkpoint
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
    try:
        write_checkpoint(path, [("w", np.ones(size, np.float32), None)])
        came = "nothing"
    except tf.errors.ResourceExhaustedError as error:
        came = error.message
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    with open(path, "rb") as file:
        return came, file.read(), os.listdir(".")


def killed_at(mine, path, pieces, stop):
    """Write pieces, and end the process before the stop-th call to the system; how many there were, if it lives so long.

    A profiler sees each call of a function written in C: those that concern files are counted.  The name of the one that was to come
    is left in the file ".call".
    """
    import contextlib
    import os
    import sys
    write, end, make, put, count = contextlib.contextmanager(mine.written_aside), os._exit, os.open, os.write, [0]

    def called(frame, event, what):
        if event != "c_call" or getattr(what, "__name__", "") in ("fspath", "getpid", "fileno"):
            return
        owner = type(getattr(what, "__self__", None)).__name__
        if getattr(what, "__module__", None) in ("posix", "io", "_io") or owner in ("BufferedWriter", "FileIO", "BufferedRandom"):
            count[0] += 1
            if count[0] == stop:
                put(make(".call", os.O_WRONLY | os.O_CREAT), what.__name__.encode())
                end(9)

    sys.setprofile(called)
    try:
        with write(path) as file:
            for piece in pieces:
                file.write(piece)
    finally:
        sys.setprofile(None)
    return count[0]


def found(mine, path):
    """The file's content, None if it is not there, and what ".call" says; all but the file is removed from the folder."""
    import os

    def content(name):
        if not os.path.isfile(name):
            return None
        with open(name, "rb") as file:
            return file.read()

    call = content(".call")
    for name in os.listdir("."):
        if name != path:
            os.unlink(name) if os.path.isfile(name) else os.rmdir(name)
    return content(path), call and call.decode()


def order_of_events(mine, path, pieces):
    """"disk" and "folder on disk" for each fsync, "name" for each rename of the file to its name, as they happen; with the bytes on "
    "disk."""
    import contextlib
    import os
    import stat
    happened, plain = [], {name: getattr(os, name) for name in ("fsync", "replace", "rename", "link")}
    fstat, status, size = os.fstat, os.stat, sum(map(len, pieces))

    def fsync(fd):
        plain["fsync"](fd)
        about = fstat(fd)
        whole = "file on disk" if about.st_size == size else "part of the file on disk"
        happened.append("folder on disk" if stat.S_ISDIR(about.st_mode) else whole)

    def named(name):
        def call(source, target, *args, **kwargs):
            happened.append(f"{status(source).st_size == size and 'the whole' or 'a part'} gets its name")
            return plain[name](source, target, *args, **kwargs)
        return call

    stand_ins = {"fsync": fsync, "replace": named("replace"), "rename": named("rename"), "link": named("link")}
    own = [(vars(mine), key, name) for key, value in list(vars(mine).items()) for name in plain if value is plain[name]]
    for name, stand_in in stand_ins.items():
        setattr(os, name, stand_in)
    for space, key, name in own:
        space[key] = stand_ins[name]
    try:
        with contextlib.contextmanager(mine.written_aside)(path) as file:
            for piece in pieces:
                file.write(piece)
            happened.append("the block ends")
    finally:
        for name in plain:
            setattr(os, name, plain[name])
        for space, key, name in own:
            space[key] = plain[name]
    return happened


def pieces_of(random):
    return [random.bytes(int(n)) for n in random.integers(1, 20000, 3)]


def holds(content, pieces, when):
    """Of a file's content: what was written to it is what it holds."""
    expect(content is not None, f"{when}, there is nothing at `path`")
    expect(content == b"".join(pieces),
           f"{when}, `path` holds {len(content)} bytes, and not those {sum(map(len, pieces))} that were written")


@task.check(1, "the new file stands in the place of the old one when the block has ended, and not before",
            hint="Which name does the file have while the block writes to it, and which call gives it the other one?")
def in_its_place(run, random):
    old, new = pieces_of(random), pieces_of(random)
    seen, content, folder = run(written, "model", old, True)
    expect(seen == [None] * 3, "the bytes are at `path` inside the block already, before it has ended")
    holds(content, old, "after the first block")
    seen, content, folder = run(written, "model", new, True)
    expect(seen == [b"".join(old)] * 3, "inside the second block, `path` is no longer what it was")
    holds(content, new, "after the second block")
    equal(folder, ["model"], "what lies in the folder afterwards")


@task.check(1, "after an exception in the block, nothing has changed and nothing is left over",
            hint="Where in your function does an exception of the block come out, and which kinds of exceptions do you catch there? Not "
                 "all of them are an Exception.")
def exceptions(run, random):
    run(found, "model")
    old = b"".join(pieces_of(random))
    run(written, "model", [old], False)
    for kind in ("KeyError", "KeyboardInterrupt"):
        came, content, folder = run(interrupted, "model", kind)
        equal(came, kind, "the exception that comes out")
        expect(content == old, f"after a {kind} in the block, the file is not what it was")
        equal(folder, ["model"], f"what lies in the folder after a {kind} in the block")


@task.check(1, "a full disk, a read-only folder, a folder at `path`: that error comes out, and nothing is left over",
            hint="Any of your calls may fail: making the file, flush, the rename. For each, what has been made by then and must go, and "
                 "what has not? An error while you clean up hides the one that matters.")
def no_space(run, random):
    run(found, "model")
    old = b"".join(pieces_of(random))
    run(written, "model", [old], False)
    for most in (0, 1000, 65536):
        came, content, folder = run(full_disk, "model", 50_000, most)
        expect(came != "nothing", "the disk was full, and no error came out: a write that came up short went unnoticed (a file without a "
                                  "buffer of Python's only returns how many bytes it took)")
        expect(came.startswith("model; "), f"the disk was full, and the error that came out does not name `path`: {came}")
        expect(content == old, "after a disk that was full, the file is not what it was")
        equal(folder, ["model"], "what lies in the folder after a disk that was full")
    (came, text), folder = run(refused, "model", "read-only")
    expect(came == "PermissionDeniedError",
           f"in a read-only folder the file can not be made (PermissionDeniedError), and what comes out is {came} {text}")
    equal(folder, ["model"], "what lies in a read-only folder afterwards")
    (came, text), folder = run(refused, "taken", "a folder")
    expect(came == "FailedPreconditionError",
           f"`path` is a folder, so the rename fails (FailedPreconditionError), and what comes out is {came} {text}")
    equal(folder, ["model", "taken"], "what lies in the folder after a rename that failed")


@task.check(1.5, "killed at any call, `path` is the whole old file or the whole new one",
            hint="Between which two of your calls is `path` gone, or half of something? A single call has to do both: take the old file "
                 "away and put the new one there.")
def killed(run, random):
    run(found, "model")
    now = b"".join(pieces_of(random))
    run(written, "model", [now], False)
    for stop in range(1, 100):
        new = pieces_of(random)
        lived = run.killed(killed_at, "model", new, stop)
        content, call = run(found, "model")
        if lived:
            holds(content, new, "after a block in which nobody was killed")
            return
        when = f"killed just before its call of {'close' if call == '__exit__' else call} (number {stop})"
        expect(content is not None, f"{when}, there is no file any more")
        expect(content in (now, b"".join(new)), f"{when}, the file is neither the old one nor the new one")
        now = content
    expect(False, "the process never lived to the end of the block")


@task.check(1, "the bytes are on disk before the name, and the folder is on disk at the end",
            hint="Three things have to be waited for in order: Python's buffer, the file on disk, the folder on disk. Which call does "
                 "each, and on which side of the rename does it stand?")
def on_disk(run, random):
    run(found, "model")
    happened = run(order_of_events, "model", pieces_of(random))
    expect("the whole gets its name" in happened, "the file, written whole, is never given its name by os.replace or os.rename")
    named = happened.index("the whole gets its name")
    expect("file on disk" in happened[:named], "the file gets its name before its bytes are on disk: a power cut leaves an empty file")
    expect("folder on disk" in happened[named:], "the folder is not on disk after the rename: a power cut may bring the old file back")
    expect(happened.index("the block ends") < named, "the file gets its name before the block has ended")


@task.check(0.5, "no file of the process stays open, however the block ends",
            hint="You open two things. Which line closes each of them if the line before raises?")
def closed(run, random):
    run(found, "model")
    for how, when in (("ends", "after a block that ended well"), ("raises", "after an exception in the block")):
        more, file_closed = run(left_open, "model", how)
        expect(file_closed, f"{when}, the file that the block wrote to is still open")
        expect(more == 0, f"{when}, the process has {more} more open file{'s' * (more > 1)} than before")
