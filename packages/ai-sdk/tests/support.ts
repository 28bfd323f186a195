import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Chat } from "@ai-sdk/react";
import { startMockModel } from "@holdfast/testing/mock-model";
import { ownImports } from "@holdfast/testing/own-imports";
import { removeAtExit } from "@holdfast/testing/scratch";
import {
  type ChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  lastAssistantMessageIsCompleteWithToolCalls,
  type UIMessage,
} from "ai";

/** A server with chats in a process of its own, and its model; `restart` kills it and starts another one. */
export async function startChats() {
  const model = await startMockModel();
  const directory = await mkdtemp(join(tmpdir(), "holdfast-ai-sdk-"));
  removeAtExit(directory);
  const start = async (port: string) => {
    const child = fork(new URL("chat-server.ts", import.meta.url), [directory, model.url, port], {
      execArgv: [...ownImports],
    });
    const [{ url }] = (await once(child, "message")) as [{ url: string }];
    return { child, url };
  };
  const kill = async (child: ChildProcess) => {
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  };
  let running = await start("0");
  const { url } = running;
  return {
    model,
    url,
    restart: async () => {
      await kill(running.child);
      running = await start(new URL(url).port);
    },
    close: async () => {
      await kill(running.child);
      await model.close();
    },
  };
}

/** A chat of a page: what `useChat` has behind it. */
export function pageChat(transport: ChatTransport<UIMessage>, messages: UIMessage[] = []): Chat<UIMessage> {
  return new Chat({
    messages,
    transport,
    sendAutomaticallyWhen: (given) =>
      lastAssistantMessageIsCompleteWithApprovalResponses(given) ||
      lastAssistantMessageIsCompleteWithToolCalls(given),
  });
}

/** Resolves when the condition holds for a chat. */
export async function until(chat: Chat<UIMessage>, holds: () => boolean): Promise<void> {
  if (holds()) return;
  await new Promise<void>((resolve) => {
    const check = (): void => {
      if (!holds()) return;
      for (const stop of stops) stop();
      resolve();
    };
    const stops = [chat["~registerStatusCallback"](check), chat["~registerMessagesCallback"](check)];
  });
}

export function textIn(message: UIMessage | undefined): string {
  return (message?.parts ?? []).flatMap((part) => (part.type === "text" ? [part.text] : [])).join("");
}

/** States of the calls in a message. */
export function callsIn(message: UIMessage | undefined): string[] {
  return (message?.parts ?? []).flatMap((part) =>
    part.type.startsWith("tool-") && "state" in part && part.state !== undefined ? [part.state] : [],
  );
}

/** Without members that are undefined. */
export function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
