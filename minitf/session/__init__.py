"""Sessions: from a graph to plans, and from plans to results."""
from .session import InteractiveSession, Session, get_default_session
