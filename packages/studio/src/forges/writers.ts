import { isErrorCode } from "@holdfast/core";

/** Whether somebody may push, by the answer of GitHub and Gitea to the question for their permission. */
export async function mayPush(ask: Promise<{ readonly permission: string }>): Promise<boolean> {
  try {
    const { permission } = await ask;
    return ["admin", "owner", "maintain", "write"].includes(permission);
  } catch (error) {
    // Somebody whom the forge does not know.
    if (isErrorCode(error, "forge", "not_found")) return false;
    throw error;
  }
}
