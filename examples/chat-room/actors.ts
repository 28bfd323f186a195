/** A chat room: who is connected is part of the connection, what was said is part of the state. */
import { actor, event, setup, UserError } from "holdfast";

export interface Message {
  readonly from: string;
  readonly text: string;
  readonly at: number;
}

const maxHistory = 100;

export const chatRoom = actor({
  state: { messages: [] as Message[] },
  createConnState: (_c, params: { name: string }) => ({ name: params.name }),
  events: { said: event<Message>(), joined: event<string>(), left: event<string>() },
  onBeforeConnect: (_c, params: { name?: string }) => {
    if (!params?.name) throw new UserError("Say who you are", { code: "name_missing" });
  },
  onConnect: (c, conn) => {
    c.broadcast("joined", conn.state.name);
  },
  onDisconnect: (c, conn) => {
    c.broadcast("left", conn.state.name);
  },
  actions: {
    say: (c, text: string) => {
      const message = { from: c.conn.state.name, text, at: Date.now() };
      c.state.messages.push(message);
      if (c.state.messages.length > maxHistory) c.state.messages.shift();
      c.broadcast("said", message);
    },
    history: (c) => c.state.messages,
  },
});

export const registry = setup({ use: { chatRoom } });
if (import.meta.main) await registry.start();
