#include "graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int fcm_numbers_add(struct fcm_numbers *numbers, uint32_t number) {
    if (numbers->count == numbers->room) {
        uint32_t room = numbers->room ? numbers->room * 2 : 4;
        if (room < numbers->room) return -ENOMEM;
        uint32_t *items = realloc(numbers->items, room * sizeof *items);
        if (!items) return -ENOMEM;
        numbers->items = items;
        numbers->room = room;
    }
    numbers->items[numbers->count++] = number;
    return 0;
}

void fcm_numbers_done(struct fcm_numbers *numbers) {
    free(numbers->items);
    *numbers = (struct fcm_numbers){0};
}

static size_t set_slot(const struct fcm_number_set *set, uint64_t key) {
    uint64_t mixed = key * UINT64_C(0x9E3779B97F4A7C15);
    size_t at = (size_t)(mixed ^ (mixed >> 32)) & (set->room - 1);
    while (set->slots[at] && set->slots[at] != key) at = (at + 1) & (set->room - 1);
    return at;
}

static int set_grow(struct fcm_number_set *set) {
    struct fcm_number_set larger = {.count = set->count, .room = set->room ? set->room * 2 : 64};
    larger.slots = calloc(larger.room, sizeof *larger.slots);
    if (!larger.slots) return -ENOMEM;
    for (size_t i = 0; i < set->room; i++)
        if (set->slots[i]) larger.slots[set_slot(&larger, set->slots[i])] = set->slots[i];
    free(set->slots);
    *set = larger;
    return 0;
}

int fcm_number_set_add(struct fcm_number_set *set, uint64_t number) {
    if ((set->count + 1) * 4 >= set->room * 3) {
        int r = set_grow(set);
        if (r < 0) return r;
    }
    size_t at = set_slot(set, number + 1); // 0 marks a free slot
    if (set->slots[at]) return 0;
    set->slots[at] = number + 1;
    set->count++;
    return 1;
}

void fcm_number_set_done(struct fcm_number_set *set) {
    free(set->slots);
    *set = (struct fcm_number_set){0};
}

void fcm_graph_done(struct fcm_graph *graph) {
    for (uint32_t i = 0; i < graph->count; i++) {
        fcm_numbers_done(&graph->nodes[i].edges);
        fcm_numbers_done(&graph->nodes[i].facts);
    }
    free(graph->nodes);
    fcm_number_set_done(&graph->edge_set);
    fcm_number_set_done(&graph->fact_set);
    *graph = (struct fcm_graph){0};
}

int fcm_graph_add_node(struct fcm_graph *graph, uint32_t *ret_node) {
    if (graph->count == graph->room) {
        uint32_t room = graph->room ? graph->room * 2 : 256;
        struct fcm_graph_node *nodes = realloc(graph->nodes, room * sizeof *nodes);
        if (!nodes) return -ENOMEM;
        graph->nodes = nodes;
        graph->room = room;
    }
    graph->nodes[graph->count] = (struct fcm_graph_node){0};
    *ret_node = graph->count++;
    return 0;
}

int fcm_graph_add_edge(struct fcm_graph *graph, uint32_t from, uint32_t to) {
    if (from >= graph->count || to >= graph->count) return -EINVAL;
    if (from == to) return 0;
    int r = fcm_number_set_add(&graph->edge_set, (uint64_t)from << 32 | to);
    if (r <= 0) return r;
    r = fcm_numbers_add(&graph->nodes[from].edges, to);
    return r < 0 ? r : 1;
}

int fcm_graph_add_fact(struct fcm_graph *graph, uint32_t node, enum fcm_fact kind, uint32_t id) {
    if (node >= graph->count || id >= UINT32_C(1) << FCM_FACT_ID_BITS) return -EINVAL;
    uint32_t fact = (uint32_t)kind << FCM_FACT_ID_BITS | id;
    int r = fcm_number_set_add(&graph->fact_set, (uint64_t)node << 32 | fact);
    if (r <= 0) return r;
    r = fcm_numbers_add(&graph->nodes[node].facts, fact);
    return r < 0 ? r : 1;
}

int fcm_graph_reach(const struct fcm_graph *graph, struct fcm_numbers *frontier, uint8_t *seen,
                    struct fcm_numbers *order) {
    while (frontier->count) {
        uint32_t node = frontier->items[--frontier->count];
        if (seen[node]) continue;
        seen[node] = 1;
        int r = fcm_numbers_add(order, node);
        if (r < 0) return r;
        const struct fcm_numbers *edges = &graph->nodes[node].edges;
        for (uint32_t i = 0; i < edges->count; i++) {
            if (seen[edges->items[i]]) continue;
            r = fcm_numbers_add(frontier, edges->items[i]);
            if (r < 0) return r;
        }
    }
    return 0;
}
