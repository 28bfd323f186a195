import { type ReactNode, type RefObject, useRef } from "react";
import { ChatComposer, type ChatComposerClassNames, type ChatComposerProps } from "./chat-composer.tsx";
import { cx, slotClassNames } from "./internal/class-names.ts";
import { AgentTranscript } from "./transcript-view/agent-transcript.tsx";
import type { AgentTranscriptClassNames, AgentTranscriptProps } from "./transcript-view/transcript-types.ts";
import type { TranscriptEntry } from "./types.ts";

export interface AgentConversationClassNames {
  root: string;
  transcript: string;
  emptyState: string;
  composer: string;
}

export interface AgentConversationProps {
  entries: readonly TranscriptEntry[];
  className?: string;
  classNames?: Partial<AgentConversationClassNames>;
  emptyState?: ReactNode;
  transcriptClassName?: string;
  transcriptClassNames?: Partial<AgentTranscriptClassNames>;
  /** Ref to the scrolling element, which needs a height. */
  scrollRef?: RefObject<HTMLDivElement | null>;
  composerClassName?: string;
  composerClassNames?: Partial<ChatComposerClassNames>;
  transcriptProps?: Omit<AgentTranscriptProps, "entries" | "className" | "classNames" | "scrollRef">;
  composerProps?: Omit<ChatComposerProps, "className" | "classNames">;
}

const own: AgentConversationClassNames = {
  root: "sa-agent-conversation",
  transcript: "sa-agent-conversation-transcript",
  emptyState: "sa-agent-conversation-empty-state",
  composer: "sa-agent-conversation-composer",
};

/** A transcript above a composer. */
export function AgentConversation(props: AgentConversationProps) {
  const { entries, emptyState, transcriptProps, composerProps } = props;
  const classNames = slotClassNames(own, props.classNames);
  const failed = Boolean(transcriptProps?.sessionError) || Boolean(transcriptProps?.eventError);
  const filled = entries.length > 0 || failed || transcriptProps?.isThinking === true;
  return (
    <div className={cx(classNames.root, props.className)} data-slot="root">
      {filled && (
        <ScrollingTranscript {...props} className={cx(classNames.transcript, props.transcriptClassName)} />
      )}
      {!filled && emptyState && (
        <div className={classNames.emptyState} data-slot="empty-state">
          {emptyState}
        </div>
      )}
      {composerProps && (
        <ChatComposer
          className={cx(classNames.composer, props.composerClassName)}
          {...(props.composerClassNames === undefined ? {} : { classNames: props.composerClassNames })}
          {...composerProps}
        />
      )}
    </div>
  );
}

/** Inside a scrolling element if it is virtualized, or if the caller wants to scroll it. */
function ScrollingTranscript({
  entries,
  scrollRef,
  className,
  transcriptClassNames,
  transcriptProps,
}: AgentConversationProps & { readonly className: string }) {
  const ownScroll = useRef<HTMLDivElement>(null);
  const slots = transcriptClassNames === undefined ? {} : { classNames: transcriptClassNames };
  if (scrollRef === undefined && transcriptProps?.virtualize !== true) {
    return <AgentTranscript entries={entries} className={className} {...slots} {...transcriptProps} />;
  }
  const scroll = scrollRef ?? ownScroll;
  return (
    <section
      ref={scroll}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region is reached by keyboard.
      tabIndex={0}
      aria-label="Conversation"
      className={className}
      data-slot="transcript"
    >
      <AgentTranscript entries={entries} scrollRef={scroll} {...slots} {...transcriptProps} />
    </section>
  );
}
