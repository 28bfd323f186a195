/** The key of all signatures, made once, so that sessions and links outlive a restart. */
import { randomBytes } from "node:crypto";
import { actor, UserError } from "holdfast";

export const keyring = actor({
  createState: () => ({ secret: randomBytes(32).toString("base64url") }),
  onAuth: () => {
    throw new UserError("Only the server reads the key", { code: "forbidden" });
  },
  actions: { secret: (c) => c.state.secret },
});
