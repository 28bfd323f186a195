import { queryOptions } from "@tanstack/react-query";
import { createTranscript, reduceTranscript } from "../../transcript.ts";
import type { StudioApi } from "../shared/port.ts";

/** Events before the end of a session in which its last words are looked for. */
const eventsRead = 500;

/** The last message of the agent in a session; empty if it said nothing lately. `state` changes when it may have. */
export function lastWordsQuery(api: StudioApi, sessionId: string, state: string) {
  return queryOptions({
    queryKey: ["last-words", sessionId, state],
    queryFn: async (): Promise<string> => {
      const session = api.session(sessionId);
      const { head } = await session.events({ after: 0, limit: 1 });
      let transcript = createTranscript();
      for (let after = Math.max(0, head - eventsRead); after < head; ) {
        const { events } = await session.events({ after, limit: eventsRead });
        const last = events.at(-1);
        if (last === undefined) break;
        transcript = reduceTranscript(transcript, events);
        after = last.seq;
      }
      const message = transcript.items.findLast((item) => item.type === "message");
      return message?.type === "message" ? message.text : "";
    },
    // The same state is reached again after another turn.
    staleTime: 0,
  });
}
