"""Where replicas are to be: few moves, racks kept apart, brokers loaded alike. Nothing here asks anybody."""

import collections


class Impossible(Exception):
    """There is no such plan; why."""


class Planner:
    """`partitions`: {(topic, partition): [broker ids, the preferred leader first]}; `racks`: {broker id: rack or
    None}, of those that may hold replicas."""

    def __init__(self, partitions, racks):
        self.before = partitions
        self.now = {name: list(replicas) for name, replicas in partitions.items()}
        self.racks = racks
        self.load = collections.Counter(dict.fromkeys(racks, 0))
        self.leads = collections.Counter(dict.fromkeys(racks, 0))
        self.held = collections.defaultdict(set)
        for name, replicas in sorted(self.now.items()):
            self.leads[replicas[0]] += 1
            for broker in replicas:
                self.load[broker] += 1
                self.held[broker].add(name)

    def moves(self):
        """{(topic, partition): replicas} of what is to change."""
        return {name: replicas for name, replicas in self.now.items() if replicas != self.before[name]}

    def evacuate(self):
        """Nothing stays on a broker that is not in `racks`."""
        for name in sorted(self.now):
            for place, broker in enumerate(self.now[name]):
                if broker not in self.racks:
                    self.move(name, place, self.successor(name, place))

    def resize(self, factors):
        """Partitions of these topics get as many replicas as `factors` says, {topic: count}; who is preferred stays."""
        for name in sorted(self.now):
            count = factors.get(name[0], len(self.now[name]))
            while len(self.now[name]) > count:
                self.leave(name, max(range(1, len(self.now[name])), key=lambda place: self.dispensable(name, place)))
            while len(self.now[name]) < count:
                self.join(name, self.successor(name, len(self.now[name])))

    def dispensable(self, name, place):
        replicas = self.now[name]
        rack = self.racks.get(replicas[place])
        is_twice = rack is not None and [self.racks.get(broker) for broker in replicas].count(rack) > 1
        return is_twice, self.load[replicas[place]], place

    def successor(self, name, place):
        others = [broker for at, broker in enumerate(self.now[name]) if at != place]
        free = [broker for broker in self.racks if broker not in self.now[name]]
        if not free:
            raise Impossible("%s-%d: no broker is left for its replica %d" % (name + (place + 1,)))
        used = [self.racks.get(broker) for broker in others]
        return min(free, key=lambda broker: (
            self.racks[broker] is not None and self.racks[broker] in used,
            self.leads[broker] if place == 0 else 0, self.load[broker], broker))

    def spread(self):
        """Brokers hold the same number of replicas, give or take one, where racks allow it."""
        while self.one_move():
            pass

    def one_move(self):
        by_load = sorted(self.racks, key=lambda broker: (self.load[broker], broker))
        for giver in reversed(by_load):
            for taker in by_load:
                if self.load[giver] - self.load[taker] <= 1:
                    break
                found = self.candidate(giver, taker)
                if found:
                    self.move(found[0], found[1], taker)
                    return True
        return False

    def candidate(self, giver, taker):
        """(partition, place in its replicas) that may go. Leaders go while the taker leads fewer."""
        wants_leaders = self.leads[giver] - self.leads[taker] > 1
        best = None
        for name in sorted(self.held[giver] - self.held[taker]):
            place = self.now[name].index(giver)
            if not self.keeps_racks(name, place, taker):
                continue
            if (place == 0) == wants_leaders:
                return name, place
            best = best or (name, place)
        return best

    def keeps_racks(self, name, place, taker):
        replicas = self.now[name]
        after = replicas[:place] + [taker] + replicas[place + 1:]

        def count(brokers):
            return len({self.racks.get(broker) for broker in brokers})
        return count(after) >= count(replicas)

    def join(self, name, broker):
        self.now[name].append(broker)
        self.held[broker].add(name)
        self.load[broker] += 1

    def leave(self, name, place):
        broker = self.now[name].pop(place)
        self.held[broker].discard(name)
        self.load[broker] -= 1

    def lead_evenly(self):
        """Brokers are the preferred leaders of the same number of partitions, give or take one, where their replicas allow it. Only
        the order of replicas changes: nothing is copied."""
        while self.one_handover():
            pass

    def one_handover(self):
        """One lead less for who has most of those that can give: over others, each of which passes one on."""
        for giver in sorted(self.racks, key=lambda broker: (-self.leads[broker], broker)):
            came_from = {giver: None}  # broker: (partition that it would come to lead, who leads it)
            waiting = collections.deque([giver])
            while waiting:
                broker = waiting.popleft()
                if self.leads[giver] - self.leads[broker] > 1:
                    self.hand_over(broker, came_from)
                    return True
                for name in sorted(name for name in self.held[broker] if self.now[name][0] == broker):
                    for other in self.now[name][1:]:
                        if other in self.racks and other not in came_from:
                            came_from[other] = (name, broker)
                            waiting.append(other)
        return False

    def hand_over(self, taker, came_from):
        while came_from[taker] is not None:
            name, giver = came_from[taker]
            replicas = self.now[name]
            replicas.insert(0, replicas.pop(replicas.index(taker)))
            self.leads[giver] -= 1
            self.leads[taker] += 1
            taker = giver

    def move(self, name, place, taker):
        giver = self.now[name][place]
        self.now[name][place] = taker
        self.held[giver].discard(name)
        self.held[taker].add(name)
        self.load[giver] -= 1
        self.load[taker] += 1
        if place == 0:
            self.leads[giver] -= 1
            self.leads[taker] += 1


def plan(partitions, racks, spread, factors=None, lead_evenly=False):
    """{(topic, partition): replicas} of what is to change, so that only brokers of `racks` hold replicas, with `spread` as
    many each, and with `lead_evenly` also lead as many. With `factors`, {topic: how many replicas its partitions are to
    have}, only these topics change: a broker that is away for a while keeps its replicas. Errors: Impossible."""
    planner = Planner(partitions, racks)
    if factors is not None:
        planner.resize(factors)
        return planner.moves()
    planner.evacuate()
    if spread:
        planner.spread()
    if lead_evenly:
        planner.lead_evenly()
    return planner.moves()
