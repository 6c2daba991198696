// A directed graph of what was imported and what each node read: nodes are numbers, facts are
// numbers with a kind. Knows nothing of Python. Used by the recorder, in the zygote, in workers and
// in main.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fcm_fact {
    FCM_FACT_FILE,        // was read
    FCM_FACT_DIRECTORY,   // was listed
    FCM_FACT_ABSENT,      // was looked for and not there
    FCM_FACT_ENVIRONMENT, // variable that was read
    FCM_FACT_WRITTEN,     // file that was opened for writing
    FCM_FACT_MAX,
};

#define FCM_FACT_ID_BITS 28

// A growing list of numbers.
struct fcm_numbers {
    uint32_t *items;
    uint32_t count;
    uint32_t room;
};

// A set of 64-bit numbers, open addressing; UINT64_MAX cannot be a member.
struct fcm_number_set {
    uint64_t *slots;
    size_t count;
    size_t room; // power of two, or 0
};

struct fcm_graph_node {
    struct fcm_numbers edges; // nodes that this one imported
    struct fcm_numbers facts; // kind << FCM_FACT_ID_BITS | id
};

struct fcm_graph {
    struct fcm_graph_node *nodes;
    uint32_t count;
    uint32_t room;
    struct fcm_number_set edge_set; // from << 32 | to
    struct fcm_number_set fact_set; // node << 32 | fact
};

// Appends a number. -ENOMEM leaves the list as it was.
int fcm_numbers_add(struct fcm_numbers *numbers, uint32_t number);
void fcm_numbers_done(struct fcm_numbers *numbers);

// Adds a member: 1 if it is new, 0 if it was there, -ENOMEM.
int fcm_number_set_add(struct fcm_number_set *set, uint64_t number);
void fcm_number_set_done(struct fcm_number_set *set);

// Frees what the graph holds; a graph that is all zero is empty and needs no initialization.
void fcm_graph_done(struct fcm_graph *graph);

// Adds a node without edges and facts.
int fcm_graph_add_node(struct fcm_graph *graph, uint32_t *ret_node);

// Adds an edge or a fact: 1 if it is new, 0 if it was there, -ENOMEM, -EINVAL for a node or id that
// cannot be.
int fcm_graph_add_edge(struct fcm_graph *graph, uint32_t from, uint32_t to);
int fcm_graph_add_fact(struct fcm_graph *graph, uint32_t node, enum fcm_fact kind, uint32_t id);

// Marks all that can be reached from the nodes in `frontier` (which are marked and appended to
// `order` too, unless they are marked already). `seen` has one byte for each node. Consumes the
// frontier.
int fcm_graph_reach(const struct fcm_graph *graph, struct fcm_numbers *frontier, uint8_t *seen,
                    struct fcm_numbers *order);
