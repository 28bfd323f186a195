/** The actors of the editor, and the registry that serves them. */
import { setup } from "holdfast";
import { account } from "./actors/account.ts";
import { document } from "./actors/document.ts";
import { keyring } from "./actors/keyring.ts";
import { limits } from "./limits.ts";

export const registry = setup({
  use: { account, document, keyring },
  maxIncomingMessageSize: limits.messageBytes,
  maxOutgoingMessageSize: limits.messageBytes,
});
