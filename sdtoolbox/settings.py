"""Folders, device, limits: one TOML file, overridden by environment variables `SDTOOLBOX_…`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from sdtoolbox.errors import UserError

PACKAGE = Path(__file__).resolve().parent


def default_home() -> Path:
    """The folder of all data: `SDTOOLBOX_HOME`, or the operating system's place for a user's data."""
    return Path(os.environ.get("SDTOOLBOX_HOME") or platformdirs.user_data_dir("sdtoolbox", appauthor=False))


def bundled(name: Literal["assets", "extensions"]) -> Path:
    """The folder that ships with the toolbox: beside the package in a checkout, inside it in a wheel."""
    beside, inside = PACKAGE.parent / name, PACKAGE / "_bundled" / name
    return inside if inside.is_dir() else beside


class Settings(BaseSettings):
    """Everything an operator may choose.

    Read, the first that says something wins: arguments, environment variables `SDTOOLBOX_<NAME>` (lists as
    JSON), the file `settings.toml` in the home folder, the defaults below.
    """

    model_config = SettingsConfigDict(env_prefix="SDTOOLBOX_", extra="forbid", frozen=True)

    home: Path = Field(default_factory=default_home, description="Folder of models, outputs, database and logs.")
    model_folders: tuple[Path, ...] = Field((), description="More folders to look for models in.")
    extension_folders: tuple[Path, ...] = Field((), description="More folders to look for extensions in.")
    extension_patience: float = Field(
        5.0, ge=0, le=3600, description="Seconds that a start waits for extensions that it has not seen before."
    )
    extensions: dict[str, dict[str, Any]] = Field(
        {}, description="Extensions' own settings, by the extension's name: see its documentation."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(7860, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    allowed_hosts: tuple[str, ...] = Field(
        (), description="Names by which browsers may reach this server, besides the address it listens on."
    )
    insecure_no_auth: bool = Field(False, description="Allow an address that others can reach, without any login.")
    device: str = Field("auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$", description="auto, cpu, mps, cuda, cuda:1.")
    threads: int = Field(0, ge=0, le=1024, description="CPU threads of the worker; 0 leaves it to torch.")
    language: Literal["auto", "en", "zh-CN"] = Field("auto", description="auto follows the browser.")
    queue_limit: int = Field(1000, ge=1, le=100_000, description="Jobs that may wait; more are refused.")
    lease_seconds: float = Field(10.0, gt=0, le=3600, description="A job whose worker is silent so long is taken back.")
    model_memory_gb: float = Field(0.0, ge=0, description="Gigabytes of main memory for loaded models; 0 measures.")
    device_memory_gb: float = Field(0.0, ge=0, description="Gigabytes of a graphics card to use; 0 measures.")
    placement: Literal["auto", "device", "model", "group", "sequential"] = Field(
        "auto", description="How much of a model lies on the graphics card at a time; auto takes as much as fits."
    )
    precision: Literal["auto", "fp32", "fp16", "bf16"] = Field("auto", description="What large networks compute in.")
    fp8_storage: bool = Field(False, description="Keep large networks in 8 bits between calls; costs some quality.")
    upload_limit_mb: int = Field(64, ge=1, le=10_000, description="Largest body of a web request, in megabytes.")
    background_hashes: bool = Field(True, description="Read every model once, to know it by its hash.")
    safe_mode: bool = Field(False, description="Load no extension besides the built-in ones.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        home = init_settings().get("home") or default_home()
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, Path(home) / "settings.toml")

    @property
    def database(self) -> Path:
        """The SQLite file with queue, results and picture index."""
        return self.home / "sdtoolbox.sqlite3"

    @property
    def outputs(self) -> Path:
        """Where finished pictures lie, in one folder a day."""
        return self.home / "outputs"

    @property
    def logs(self) -> Path:
        """Where server and workers write their logs."""
        return self.home / "logs"

    @property
    def wildcards(self) -> Path:
        """The folder of wildcard files, in which `__colour__` is `colour.txt`."""
        return self.home / "wildcards"

    @property
    def styles(self) -> Path:
        """The file of styles, in the format of A1111's web UI."""
        return self.home / "styles.csv"

    @property
    def all_model_folders(self) -> tuple[Path, ...]:
        """Every folder to look for models in: the home's own, the operator's, the shipped ones."""
        return (self.home / "models", *self.model_folders, self.shipped_models)

    @property
    def shipped_models(self) -> Path:
        """The folder of the models that come with the toolbox."""
        return bundled("assets") / "models"

    @property
    def all_extension_folders(self) -> tuple[Path, ...]:
        """Every folder to look for drop-in extensions in: the shipped ones, the home's own, the operator's."""
        return (self.shipped_extensions, self.home / "extensions", *self.extension_folders)

    @property
    def shipped_extensions(self) -> Path:
        """The folder of the extensions that come with the toolbox."""
        return bundled("extensions")

    @property
    def extension_states(self) -> Path:
        """The file that says which extensions are switched off."""
        return self.home / "extensions.json"

    @property
    def extension_cache(self) -> Path:
        """Where the outcomes of extensions' trials are kept."""
        return self.home / "cache" / "extensions"

    def make_folders(self) -> None:
        """Create the home folder and what must be in it."""
        for folder in (self.home, self.home / "models" / "checkpoints", self.outputs, self.logs, self.wildcards):
            folder.mkdir(parents=True, exist_ok=True)


def load_settings(**overrides: object) -> Settings:
    """Read the settings, the overrides first; a wrong one is a `UserError` that names it.

    A `home` of the wrong kind or a broken TOML file is reported the same way: no traceback at start-up.
    """
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UserError(
            "PARAM_INVALID",
            f"setting {name} is not usable: {first['msg']}.",
            f"Correct it in settings.toml or in the environment variable SDTOOLBOX_{name.upper()}.",
            name,
        ) from None
    except (ValueError, OSError) as error:
        raise UserError("PARAM_INVALID", f"the settings cannot be read: {error}", "Correct settings.toml.") from None
