/** Follows edges from node to node. */
export type Graph = ReadonlyMap<string, readonly string[]>;

/**
 * One cycle out of every knot of the graph, as the nodes along it; none when the graph has no cycle. Depth first:
 * an edge back to a node on the way there closes a cycle. Each node is entered once.
 */
export function findCycles(graph: Graph): string[][] {
  const finished = new Set<string>();
  const way: string[] = [];
  const cycles: string[][] = [];
  const enter = (node: string) => {
    if (finished.has(node)) return;
    const seenAt = way.indexOf(node);
    if (seenAt >= 0) {
      cycles.push(way.slice(seenAt));
      return;
    }
    way.push(node);
    for (const next of graph.get(node) ?? []) enter(next);
    way.pop();
    finished.add(node);
  };
  for (const node of graph.keys()) enter(node);
  return cycles;
}
