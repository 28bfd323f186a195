/**
 * Process that runs the real Studio for the tests, so that it can be killed like a server. It receives everything in
 * messages: its environment and command line contain no key.
 */
import { isHoldfastError } from "@holdfast/core";
import { createStudio, type Studio } from "@holdfast/studio";
import type { HostMessage, HostRequest } from "./host-protocol.ts";

let studio: Studio | undefined;

function running(): Studio {
  if (studio === undefined) throw new Error("the Studio is not started");
  return studio;
}

function send(message: HostMessage): void {
  process.send?.(message);
}

async function handle(request: HostRequest): Promise<unknown> {
  switch (request.type) {
    case "start":
      studio = await createStudio(request.options);
      return studio.url;
    case "create":
      return await running().client.organization.createTask(request.input);
    case "watch":
      await running()
        .client.task(request.taskId)
        .on("changed", (view) => send({ type: "changed", view }));
      return undefined;
    case "task":
      return await callTask(request);
    case "events":
      return await running().client.session(request.sessionId).events({ after: request.after, limit: 500 });
    case "close":
      await running().close();
      return undefined;
  }
}

async function callTask({ taskId, method, args }: Extract<HostRequest, { type: "task" }>): Promise<unknown> {
  const task = running().client.task(taskId);
  const [first = "", second = ""] = args;
  switch (method) {
    case "get":
      return await task.get();
    case "prompt":
      return await task.prompt(first);
    case "stop":
      return await task.stop();
    case "answer":
      return await task.answer(first, second);
    case "diff":
      return await task.diff();
    case "apply":
      return await task.apply({ branch: first });
  }
}

process.on("message", (request: HostRequest) => {
  handle(request).then(
    (value) => send({ type: "answer", id: request.id, value }),
    (error: unknown) => {
      const known = isHoldfastError(error)
        ? error
        : { group: "test", code: "host_failed", message: String(error) };
      send({ type: "error", id: request.id, group: known.group, code: known.code, message: known.message });
      if (!isHoldfastError(error)) console.error(error);
    },
  );
});
