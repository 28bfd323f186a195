/** The actors of the game, and the registry that serves them. */
import { setup } from "holdfast";
import { keyring } from "./actors/keyring.ts";
import { lobby } from "./actors/lobby.ts";
import { room } from "./actors/room.ts";

export const registry = setup({ use: { keyring, lobby, room } });
