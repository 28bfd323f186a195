import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ErrorNotice, Loading, TimeAgo } from "@holdfast/web-parts";
import { formatCount } from "@holdfast/web-parts/format";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useId, useRef } from "react";
import { baseName } from "../../shared/base-name.ts";
import { useOpenItem } from "../../shared/new-task/open-item.ts";
import type { ForgeCard, ForgeCards } from "./forge-items.ts";

const cardHeight = 104;

/** Column of pull requests and issues that wait to be started. A card opens the form for a new task: until that is sent, there is none. */
export function ForgeColumn({ cards, isPending, error }: ForgeCards) {
  const id = useId();
  const open = useOpenItem();
  const scroll = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: cards.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => cardHeight,
    getItemKey: (index) => cards[index]?.id ?? index,
    overscan: 8,
  });
  return (
    <section className="board-column" aria-labelledby={id}>
      <h2 id={id} className="board-heading">
        To start
        <span className="muted">{formatCount(cards.length)}</span>
      </h2>
      <div ref={scroll} className="board-scroll">
        {isPending && <Loading label="Loading pull requests and issues" rows={3} />}
        {error !== null && (
          <ErrorNotice error={error} title="Some pull requests or issues could not be read." />
        )}
        {open.isError && <ErrorNotice error={open.error} title="The pull request could not be read." />}
        {!isPending && error === null && cards.length === 0 && <p className="board-none">None</p>}
        {cards.length > 0 && (
          <ul className="board-cards" style={{ height: `${virtualizer.getTotalSize()}px` }}>
            {virtualizer.getVirtualItems().map((item) => {
              const card = cards[item.index];
              if (card === undefined) return null;
              return (
                <li
                  key={item.key}
                  ref={virtualizer.measureElement}
                  data-index={item.index}
                  className="board-line"
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <Card card={card} isOpening={open.isPending} onOpen={open.mutate} />
                </li>
              );
            })}
          </ul>
        )}
      </div>
    </section>
  );
}

const Card = memo(function Card({
  card,
  isOpening,
  onOpen,
}: {
  readonly card: ForgeCard;
  readonly isOpening: boolean;
  readonly onOpen: ReturnType<typeof useOpenItem>["mutate"];
}) {
  const { id, repository, kind, number, title, author, labels, updatedAt, issue } = card;
  return (
    <div className="linked-row task-row board-card" data-task={id}>
      <p className="board-title">
        <button
          type="button"
          className="link-button linked-row-title task-row-title"
          disabled={isOpening}
          title={`New task on this ${kind === "issue" ? "issue" : "pull request"}`}
          onClick={() => onOpen({ repository, kind, number, issue })}
        >
          #{number} {visibleText(title)}
        </button>
      </p>
      <p className="board-meta">
        <span className="tag">{kind === "issue" ? "Issue" : "Pull request"}</span>
        {labels.slice(0, 3).map((label) => (
          <span key={label} className="tag">
            {visibleText(label)}
          </span>
        ))}
        <span title={repository.name}>{baseName(repository.name)}</span>
        <span>{visibleText(author)}</span>
        <TimeAgo at={updatedAt} />
      </p>
    </div>
  );
});
