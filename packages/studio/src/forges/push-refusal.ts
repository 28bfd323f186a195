import { HoldfastError } from "@holdfast/core";

/**
 * The error of a push that git has reported as failed, with the next step. `output` is what git wrote to stderr;
 * `secret`, the credential's password, is removed from it.
 */
export function pushRefusalOf(output: string, branch: string, secret: string): HoldfastError {
  const said = output.replaceAll(secret, "***").replace(/\s+/g, " ").trim().slice(-300);
  const error = (code: string, statusCode: number, message: string, reason?: string) =>
    new HoldfastError("forge", code, message, {
      statusCode,
      ...(reason === undefined ? {} : { metadata: { reason } }),
    });
  if (/authentication failed|could not read (username|password)|\b401\b/i.test(output))
    return error("unauthorized", 401, "The forge does not accept the credential of git. Connect again.");
  if (/\b403\b|permission to .* denied|not allowed to push code to this project/i.test(output))
    return error("forbidden", 403, `The credential may not push (${said}). Give it write access.`);
  if (/protected branch/i.test(output)) {
    const message = `${branch} is protected at the forge. Push another branch and open a pull request.`;
    return error("refused", 409, message, "protected");
  }
  if (/non-fast-forward|fetch first|stale info/i.test(output)) {
    const message = `${branch} has commits at the forge that are missing here. Fetch and merge them, then push again.`;
    return error("refused", 409, message, "behind");
  }
  if (/remote rejected|hook declined/i.test(output)) {
    const message = `The forge refused the push of ${branch}: ${said}. Change what it names, then push again.`;
    return error("refused", 409, message, "hook");
  }
  if (/not found/i.test(output))
    return error(
      "not_found",
      404,
      "The repository is missing or hidden from the credential. Check its name.",
    );
  return error("unavailable", 503, `The push of ${branch} failed (${said}). Try again.`);
}
