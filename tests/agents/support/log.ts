import type { SessionEvent } from "@holdfast/studio";
import { createTranscript, reduceTranscript, type TranscriptItem } from "@holdfast/studio/transcript";

type Body = SessionEvent["body"];

/** Events of one type, in order. */
export function eventsOf<Type extends Body["type"]>(
  log: readonly SessionEvent[],
  type: Type,
): readonly Extract<Body, { readonly type: Type }>[] {
  const isType = (body: Body): body is Extract<Body, { readonly type: Type }> => body.type === type;
  return log.map((event) => event.body).filter(isType);
}

/** The readable transcript of a session. */
export function transcriptItems(log: readonly SessionEvent[]): readonly TranscriptItem[] {
  return reduceTranscript(createTranscript(), log).items;
}

/** Everything that the agent said, as one text. */
export function spoken(log: readonly SessionEvent[]): string {
  return transcriptItems(log)
    .map((item) => (item.type === "message" ? item.text : ""))
    .join("\n");
}
