"""Example: a route. `GET /extensions/last_picture/` tells another program how the newest picture was drawn."""

from sdtoolbox.errors import UserError


# `toolbox` is given to every route that names it, and so is `shared`: true where others can reach the server too.
# Other arguments come from the address, as with FastAPI: `?task=txt2img` is `task` here.
def last_picture(toolbox, shared, task: str | None = None):
    """The newest picture that is finished, or the newest of a task, with everything that draws it again."""
    if shared:  # what others draw is nobody's business; whoever was told a picture's id may ask for that one
        raise UserError("FORBIDDEN", "this server is shared: it tells nobody what others have drawn.")
    for job in toolbox.jobs(["done"]):
        if task in (None, job.task) and job.result is not None:
            picture = job.result.pictures[-1]
            return {
                "id": picture.id,
                "picture": f"/pictures/{picture.id}.png",
                "task": job.task,
                "seed": picture.seed,
                "width": picture.width,
                "height": picture.height,
                "request": picture.request,
                "parameters": job.result.parameters,
            }
    raise UserError("IMAGE_INVALID", "there is no finished picture yet.", "Draw one.")


def register(ext):
    ext.route("", last_picture)
