/** `holdfast queue`: the prompts of a task that wait for the turn before them. */
import { harmless, jsonLine, UsageError } from "@holdfast/cli";
import { commandOfVerbs } from "../verbs/command.ts";
import { verb } from "../verbs/verb.ts";
import { findTask } from "./find-task.ts";
import { sessionNamed, sessionOption } from "./task-sessions.ts";

export const queueCommand = commandOfVerbs({
  name: "queue",
  intro: "Prompts of a task that wait until the turn before them has ended. tasks prompt adds one.",
  verbs: {
    list: verb({
      arguments: "TASK",
      description: "lists them in their order, long ones cut",
      options: sessionOption,
      async run({ client, args: [id = ""], values, json }) {
        const queued = sessionNamed(await findTask(client, id), values.session)?.queued ?? [];
        for (const prompt of queued) {
          const [line = ""] = prompt.text.split("\n");
          console.log(json ? jsonLine(prompt) : `${prompt.id}  ${harmless(line)}`);
        }
        if (queued.length === 0 && !json) console.log("No prompt waits.");
      },
    }),
    show: verb({
      arguments: "TASK PROMPT",
      description: "prints one in full",
      async run({ client, args: [id = "", prompt = ""], print }) {
        await findTask(client, id);
        const found = await client.task(id).queuedPrompt(prompt);
        print(found, harmless(found.text));
      },
    }),
    edit: verb({
      arguments: "TASK PROMPT TEXT",
      description: "replaces its text",
      async run({ client, args: [id = "", prompt = "", text = ""], print }) {
        await findTask(client, id);
        await client.task(id).editPrompt(prompt, text);
        print({ id: prompt, edited: true }, "Edited.");
      },
    }),
    move: verb({
      arguments: "TASK PROMPT PLACE",
      description: "moves it to a place; the first is 1",
      check([, , place = ""]) {
        if (!/^[1-9]\d{0,5}$/.test(place)) throw new UsageError("PLACE is a number from 1");
      },
      async run({ client, args: [id = "", prompt = "", place = ""], print }) {
        await findTask(client, id);
        await client.task(id).movePrompt(prompt, Number(place) - 1);
        print({ id: prompt, place: Number(place) }, `Moved to place ${place}.`);
      },
    }),
    remove: verb({
      arguments: "TASK PROMPT",
      description: "takes it from the queue",
      async run({ client, args: [id = "", prompt = ""], print }) {
        await findTask(client, id);
        await client.task(id).removePrompt(prompt);
        print({ id: prompt, removed: true }, "Removed.");
      },
    }),
  },
});
