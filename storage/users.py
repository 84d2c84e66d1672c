"""Users: for now the one person at a server that only this machine can reach."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.enums import Role
from storage.schema.tables import User

LOCAL_NAME = "local"


def local_user(session: Session) -> User:
    """Return the administrator who works at this machine without a login, made at first use."""
    stored = session.scalar(select(User).where(User.name == LOCAL_NAME))
    if stored is not None:
        return stored
    user = User(name=LOCAL_NAME, role=Role.ADMIN)
    session.add(user)
    session.flush()
    return user
