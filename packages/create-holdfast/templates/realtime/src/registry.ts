import { actor, event, setup, UserError } from "holdfast";

export interface Option {
  readonly text: string;
  votes: number;
}

/** A poll for every key. Everyone who has it open sees each vote. */
export const poll = actor({
  state: { options: [] as Option[] },
  events: { changed: event<Option[]>() },
  actions: {
    options: (c) => c.state.options,
    suggest: (c, text: string) => {
      const name = text.trim();
      if (name === "") throw new UserError("The suggestion is empty", { code: "empty" });
      if (c.state.options.some((option) => option.text === name)) return;
      c.state.options.push({ text: name, votes: 0 });
      c.broadcast("changed", c.state.options);
    },
    vote: (c, text: string) => {
      const option = c.state.options.find((each) => each.text === text);
      if (option === undefined) throw new UserError(`Nobody has suggested ${text}`, { code: "no_option" });
      option.votes += 1;
      c.broadcast("changed", c.state.options);
    },
  },
});

export const registry = setup({ use: { poll } });
