"""Whoever signs in: people, bank members and platform staff."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower

from portal.ids import uuid7


class UserManager(BaseUserManager["User"]):
    """Users are known by e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Without a password nobody can sign in as this user."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, email: str | None) -> "User":
        """Upper and lower case are one address."""
        return self.get(email__iexact=email)


class User(AbstractBaseUser, PermissionsMixin):
    """`staff_role` is empty for everybody who is not platform staff."""

    class StaffRole(models.TextChoices):
        REVIEWER = "reviewer"
        AUDITOR = "auditor"
        OPERATOR = "operator"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField()
    name = models.CharField(max_length=120, blank=True)
    staff_role = models.CharField(max_length=10, choices=StaffRole.choices, blank=True)
    locale = models.CharField(max_length=10, default="en")
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    objects = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="accounts_user_email")]

    @property
    def is_staff(self) -> bool:
        """Platform staff of any role."""
        return bool(self.staff_role)
