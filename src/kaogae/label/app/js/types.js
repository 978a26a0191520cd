/**
 * What the service says, version 1 (`/api/v1/openapi.json`), and what the app keeps. Types only.
 *
 * @typedef {"happy"|"sad"|"crying"|"neutral"|"surprised"} Expression
 * @typedef {Expression|"other"|"unusable"} Answer
 * @typedef {Answer|"undone"|"skipped"} Verdict
 * @typedef {"annotator"|"reviewer"|"admin"} Role
 *
 * @typedef {object} Progress
 * @property {number} items
 * @property {number} mine on how many items my verdict stands
 * @property {number} left how many more I could be asked for, as things stand
 * @property {number} settled how many have all their votes
 *
 * @typedef {object} CampaignCard
 * @property {number} id
 * @property {string} name
 * @property {"clean"|"panel"} kind
 * @property {boolean} blind nobody sees the label: there is nothing to keep
 * @property {Answer[]} answers
 * @property {boolean} open
 * @property {Progress} progress
 * @property {number|null} disputed how many items wait for a reviewer; null for those who aren't one
 *
 * @typedef {object} Me
 * @property {string} key theirs alone: what is kept for them is kept under this, not under their name
 * @property {string} name
 * @property {Role} role
 * @property {CampaignCard[]} campaigns
 *
 * @typedef {object} Item
 * @property {number} id its picture: /api/v1/items/{id}/image
 * @property {Answer|null} label what the tag says; null in panels and blind campaigns
 *
 * @typedef {object} NextResponse
 * @property {Item[]} items
 * @property {number[]} keep
 * @property {Progress} progress
 *
 * @typedef {object} Vote
 * @property {string} id UUID
 * @property {number} item
 * @property {Verdict} verdict
 * @property {number|null} took_ms
 * @property {number} ago_ms
 *
 * @typedef {object} VotesResponse
 * @property {string[]} accepted
 * @property {{id: string, reason: string}[]} refused
 * @property {Progress} progress
 *
 * @typedef {object} ReviewItem
 * @property {number} id
 * @property {Answer|null} label
 * @property {Object<string, number>} tally
 *
 * @typedef {object} ReviewResponse
 * @property {ReviewItem[]} items
 * @property {number} waiting
 *
 * @typedef {object} AnnotatorProgress
 * @property {string} name
 * @property {number} votes
 * @property {number} skipped
 * @property {number} undone
 * @property {number|null} median_ms
 * @property {string|null} last_at
 * @property {number|null} agreement
 *
 * @typedef {object} PairAgreement
 * @property {string} first
 * @property {string} second
 * @property {number} items
 * @property {number} observed
 * @property {number|null} kappa
 * @property {number[][]} confusion
 *
 * @typedef {object} CampaignReport
 * @property {number} id
 * @property {string} name
 * @property {"clean"|"panel"} kind
 * @property {boolean} blind
 * @property {Answer[]} answers
 * @property {boolean} open
 * @property {string} created_at
 * @property {number} annotators_per_item
 * @property {number} items
 * @property {Object<string, number>} states
 * @property {Object<string, number>} verdicts
 * @property {number} changed
 * @property {AnnotatorProgress[]} annotators
 * @property {PairAgreement[]} pairs
 * @property {number|null} fleiss_kappa
 * @property {number|null} observed
 * @property {Object<string, Object<string, number>>} matrix
 *
 * @typedef {object} Person
 * @property {number} id
 * @property {string} name
 * @property {Role} role
 * @property {boolean} everywhere sees every campaign, also those to come
 * @property {string[]} campaigns
 * @property {string|null} expires_at
 * @property {string|null} revoked_at
 * @property {number} signed_in
 *
 * @typedef {object} Invitation
 * @property {Person} person
 * @property {string} link
 * @property {string} qr
 */
export {};
