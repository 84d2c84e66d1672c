PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES('0006');
CREATE TABLE prompts (
	id INTEGER NOT NULL, 
	messages JSON NOT NULL, 
	text TEXT NOT NULL, 
	content_hash VARCHAR(64) NOT NULL, 
	source VARCHAR(200) NOT NULL, 
	tags JSON NOT NULL, 
	split VARCHAR(16) NOT NULL, 
	created_at DATETIME NOT NULL, details JSON, import_id INTEGER, 
	CONSTRAINT pk_prompts PRIMARY KEY (id), 
	CONSTRAINT uq_prompts_content_hash UNIQUE (content_hash), 
	CONSTRAINT ck_prompts_split CHECK (split IN ('train', 'heldout'))
);
INSERT INTO prompts VALUES(1,'[{"role": "user", "content": "Name 2 rivers."}]','Name 2 rivers.','130ab4f1d966761a62f04452a0c95d3e3dff6e78bb3baca03f0065efddac053d','judged.jsonl','["nature", "numbers"]','train','2026-11-26 12:38:10.418039',NULL,1);
INSERT INTO prompts VALUES(2,'[{"role": "user", "content": "Name 3 hills."}]','Name 3 hills.','48a11c23f04dd656faab24b0fb6d93c5c32cf61106b6796346b788360e0d2909','judged.jsonl','[]','heldout','2026-11-26 12:38:10.418039',NULL,1);
INSERT INTO prompts VALUES(3,'[{"role": "user", "content": "Name 4 seas."}]','Name 4 seas.','2b964913a0ef8d31f1e6198d16c46832eebe6c677e163941b72f0005c79279cf','judged.jsonl','[]','train','2026-11-26 12:38:10.418039',NULL,1);
INSERT INTO prompts VALUES(4,'[{"role": "user", "content": "Name 5 trees."}]','Name 5 trees.','af4f4cc3ed3b56c08ce797e61b33755efa1ed49f574744b1e4180a44f6fae4c7','judged.jsonl','[]','train','2026-11-26 12:38:10.418039',NULL,1);
INSERT INTO prompts VALUES(5,'[{"role": "user", "content": "Name 6 birds."}]','Name 6 birds.','1c19003d77118e7917db8d58bb00d758ddd9555f8d5bdebfaefa3317c439d6b5','judged.jsonl','[]','train','2026-11-26 12:38:10.418039',NULL,1);
INSERT INTO prompts VALUES(6,'[{"role": "user", "content": "Name 7 stones."}]','Name 7 stones.','bc7615eeb541e2a77d7416d6008ba8255380becc65c2f5d85a5ee8513145a66d','judged.jsonl','[]','train','2026-11-26 12:38:10.418039',NULL,1);
INSERT INTO prompts VALUES(7,'[{"role": "user", "content": "Name 8 winds."}]','Name 8 winds.','80c7032d7277e5d1ec9f9d36d54ebe5a299831379276a977fefe311c0260c98a','judged.jsonl','[]','heldout','2026-11-26 12:38:10.418039',NULL,1);
INSERT INTO prompts VALUES(8,'[{"role": "user", "content": "做饭要多久？"}]','做饭要多久？','2f2097a4baa77381ff9187784580b74d5a3b001c052942ce8ec98474bf69fbe2','judged.jsonl','[]','train','2026-11-26 12:38:10.418039',NULL,1);
INSERT INTO prompts VALUES(9,'[{"role": "user", "content": "Say hello in a warm way."}]','Say hello in a warm way.','64b9c229c072a05f817e06f142957974cfecffbf9bd41382eb8a30a984abac45','open.jsonl','[]','train','2026-11-26 12:38:10.439045',NULL,2);
INSERT INTO prompts VALUES(10,'[{"role": "user", "content": "Say hello in a short way."}]','Say hello in a short way.','7dc31e0f11d7aacdc49a660a15852c82a7d75da0bc56bfd8c9afe6cd4e591a8a','open.jsonl','[]','train','2026-11-26 12:38:10.439045',NULL,2);
INSERT INTO prompts VALUES(11,'[{"role": "user", "content": "Say hello in a formal way."}]','Say hello in a formal way.','e7fc7ce7c3695b9b750c2eab479eca9889f10e93d1de32c08c143fa8091b0538','open.jsonl','[]','heldout','2026-11-26 12:38:10.439045',NULL,2);
INSERT INTO prompts VALUES(12,'[{"role": "user", "content": "Say hello in a funny way."}]','Say hello in a funny way.','1808195ccca0e8c1901dd0a748d641b9736c87b5a973a8d5b261efda134e4262','open.jsonl','[]','heldout','2026-11-26 12:38:10.439045',NULL,2);
INSERT INTO prompts VALUES(13,'[{"role": "user", "content": "Say hello in a quiet way."}]','Say hello in a quiet way.','126ffdb39b4daa3c52e1ed39636663b4101aaf1534630c596ed29d2230f00536','open.jsonl','[]','train','2026-11-26 12:38:10.439045',NULL,2);
INSERT INTO prompts VALUES(14,'[{"role": "user", "content": "Say hello in a loud way."}]','Say hello in a loud way.','858399e5367223f4cf5e45e85e69b102a7cee529891c2bcae68a1fc8065d3c5e','open.jsonl','[]','heldout','2026-11-26 12:38:10.439045',NULL,2);
INSERT INTO prompts VALUES(15,'[{"role": "user", "content": "Compare me 0."}]','Compare me 0.','d244fce2ae391458197f1d5277c7783bead720febdb0940e6bbfa76b5159a0a5','comparison','[]','train','2026-11-26 12:38:26.107915',NULL,NULL);
INSERT INTO prompts VALUES(16,'[{"role": "user", "content": "Compare me 1."}]','Compare me 1.','ed1be968d9dfb09140876d4fb83dc73eb1d39fa97d31b54786c041f19e27156f','comparison','[]','train','2026-11-26 12:38:26.110585',NULL,NULL);
INSERT INTO prompts VALUES(17,'[{"role": "user", "content": "Compare me 2."}]','Compare me 2.','e74a2edad4f08e39c3c8202eaa1fcb0c113e62f31dd3aa6c5fb4c06ca616317e','comparison','[]','train','2026-11-26 12:38:26.116476',NULL,NULL);
CREATE TABLE runs (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR(16) NOT NULL, 
	recipe VARCHAR(32) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	base_model TEXT NOT NULL, 
	adapter TEXT, 
	options JSON NOT NULL, 
	snapshot VARCHAR(80), 
	folder VARCHAR(64) NOT NULL, 
	after_run_id INTEGER, 
	round INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	started_at DATETIME, 
	ended_at DATETIME, 
	error TEXT, 
	events_offset INTEGER NOT NULL, 
	progress JSON, 
	summary JSON, 
	started_by VARCHAR(100), 
	CONSTRAINT fk_runs_after_run_id FOREIGN KEY(after_run_id) REFERENCES runs (id), 
	CONSTRAINT uq_runs_folder UNIQUE (folder), 
	CONSTRAINT ck_runs_kind CHECK (kind IN ('generate', 'label', 'sft', 'reward', 'dpo', 'evaluate', 'export')), 
	CONSTRAINT ck_runs_status CHECK (status IN ('queued', 'running', 'finished', 'failed', 'cancelled'))
);
INSERT INTO runs VALUES(1,'generate','generate','finished','starter',NULL,'{"sampling": {"temperature": 0.9, "top_p": 0.95, "max_new_tokens": 256, "seed": 0, "repetition_penalty": 1.0}, "generation": {"batch_size": 16, "max_attempts": 3, "keep_cut_off": false}, "quantization": null}',NULL,'0001-generate',NULL,0,'2026-11-26 12:38:10.483602','2026-11-26 12:38:10.491181','2026-11-26 12:38:10.492000',NULL,845,'{"done": 2, "total": 2, "eta_seconds": 0.0}','{"num_prompts": 2, "started": {"device": "cpu"}, "pairs": 2, "dropped": {}, "seconds": 1.5}','local');
INSERT INTO runs VALUES(2,'dpo','dpo','finished','starter',NULL,'{"training": {"beta": 0.1, "loss_type": "sigmoid", "label_smoothing": 0.0, "sft_weight": 1.0, "reference": "start", "learning_rate": 0.001, "num_train_epochs": 3.0, "max_steps": 6, "per_device_train_batch_size": 2, "gradient_accumulation_steps": 1, "per_device_eval_batch_size": 4, "max_length": 1024, "gradient_checkpointing": false, "precompute_ref_log_probs": true, "lr_scheduler_type": "constant", "warmup_steps": 0.0, "weight_decay": 0.0, "max_grad_norm": 1.0, "optim": "adamw_torch_fused", "disable_dropout": true, "logging_steps": 1, "eval_steps": 3, "save_steps": 2, "seed": 42}, "lora": {"r": 2, "lora_alpha": 4, "lora_dropout": 0.0, "target_modules": ["q_proj", "v_proj"], "use_rslora": false}, "quantization": null, "stopping": null}','sha256:144ac74fe3d70f55713ad23148350ff4a95b7ed950dca4ee0aaae02f6acc2b93','0002-dpo',NULL,0,'2026-11-26 12:38:10.651651','2026-11-26 12:38:10.658245','2026-11-26 12:38:18.088000',NULL,7984,'{"done": 6, "total": 6, "step": 6, "eta_seconds": 0.0, "phase": "training"}','{"num_pairs": 7, "num_heldout": 3, "started": {"num_train": 7, "num_heldout": 3, "num_tokens": 412, "base": "starter", "reference": "base model", "device": "cpu", "dtype": "bfloat16", "options": {"training": {"beta": 0.1, "loss_type": "sigmoid", "label_smoothing": 0.0, "sft_weight": 1.0, "reference": "start", "learning_rate": 0.001, "num_train_epochs": 3.0, "max_steps": 6, "per_device_train_batch_size": 2, "gradient_accumulation_steps": 1, "per_device_eval_batch_size": 4, "max_length": 1024, "gradient_checkpointing": false, "precompute_ref_log_probs": true, "lr_scheduler_type": "constant", "warmup_steps": 0.0, "weight_decay": 0.0, "max_grad_norm": 1.0, "optim": "adamw_torch_fused", "disable_dropout": true, "logging_steps": 1, "eval_steps": 3, "save_steps": 2, "seed": 42}, "lora": {"r": 2, "lora_alpha": 4, "lora_dropout": 0.0, "target_modules": ["q_proj", "v_proj"], "use_rslora": false}, "quantization": null, "stopping": null}, "resumed_from_step": 0}, "seconds": 7.4, "adapter": "adapter", "steps": 6, "num_train": 7, "metrics": {"loss": 0.68673, "grad_norm": 0.22391, "learning_rate": 0.001, "entropy": 5.54466, "num_tokens": 1118.0, "logits/chosen": -0.00350, "logits/rejected": -0.00033, "mean_token_accuracy": 0.0, "rewards/chosen": -0.00986, "rewards/rejected": -0.02278, "rewards/accuracies": 0.5, "rewards/margins": 0.01291, "logps/chosen": -61.07769, "logps/rejected": -128.92765, "epoch": 1.5, "eval_loss": 0.68537, "eval_entropy": 5.54462, "eval_num_tokens": 1118.0, "eval_logits/chosen": -0.00336, "eval_logits/rejected": -0.00173, "eval_mean_token_accuracy": 0.0, "eval_rewards/chosen": -0.01351, "eval_rewards/rejected": -0.02928, "eval_rewards/accuracies": 0.66666, "eval_rewards/margins": 0.01577, "eval_logps/chosen": -70.37529, "eval_logps/rejected": -136.59350}, "stopped_early": null, "training_seconds": 0.9, "num_references_computed": 10, "num_references_cached": 0, "reference_seconds": 0.1}','local');
INSERT INTO runs VALUES(3,'dpo','dpo','cancelled','starter','runs/0002-dpo/adapter','{"training": {"beta": 0.1, "loss_type": "sigmoid", "label_smoothing": 0.0, "sft_weight": 1.0, "reference": "start", "learning_rate": 0.001, "num_train_epochs": 3.0, "max_steps": 60, "per_device_train_batch_size": 2, "gradient_accumulation_steps": 1, "per_device_eval_batch_size": 4, "max_length": 1024, "gradient_checkpointing": false, "precompute_ref_log_probs": true, "lr_scheduler_type": "constant", "warmup_steps": 0.0, "weight_decay": 0.0, "max_grad_norm": 1.0, "optim": "adamw_torch_fused", "disable_dropout": true, "logging_steps": 1, "eval_steps": 3, "save_steps": 5, "seed": 42}, "lora": {"r": 2, "lora_alpha": 4, "lora_dropout": 0.0, "target_modules": ["q_proj", "v_proj"], "use_rslora": false}, "quantization": null, "stopping": null}','sha256:144ac74fe3d70f55713ad23148350ff4a95b7ed950dca4ee0aaae02f6acc2b93','0003-dpo',NULL,0,'2026-11-26 12:38:18.113066','2026-11-26 12:38:18.123849','2026-11-26 12:38:26.068000',NULL,10666,'{"done": 9, "total": 60, "step": 9, "eta_seconds": 5.2, "phase": "training"}','{"num_pairs": 7, "num_heldout": 3, "started": {"num_train": 7, "num_heldout": 3, "num_tokens": 412, "base": "starter", "reference": "runs/0002-dpo/adapter", "device": "cpu", "dtype": "bfloat16", "options": {"training": {"beta": 0.1, "loss_type": "sigmoid", "label_smoothing": 0.0, "sft_weight": 1.0, "reference": "start", "learning_rate": 0.001, "num_train_epochs": 3.0, "max_steps": 60, "per_device_train_batch_size": 2, "gradient_accumulation_steps": 1, "per_device_eval_batch_size": 4, "max_length": 1024, "gradient_checkpointing": false, "precompute_ref_log_probs": true, "lr_scheduler_type": "constant", "warmup_steps": 0.0, "weight_decay": 0.0, "max_grad_norm": 1.0, "optim": "adamw_torch_fused", "disable_dropout": true, "logging_steps": 1, "eval_steps": 3, "save_steps": 5, "seed": 42}, "lora": {"r": 2, "lora_alpha": 4, "lora_dropout": 0.0, "target_modules": ["q_proj", "v_proj"], "use_rslora": false}, "quantization": null, "stopping": null}, "resumed_from_step": 0}, "adapter": "adapter", "steps": 9, "num_train": 7, "metrics": {"loss": 0.65660, "grad_norm": 0.56639, "learning_rate": 0.001, "entropy": 5.54427, "num_tokens": 1600.0, "logits/chosen": -0.00513, "logits/rejected": -0.00398, "mean_token_accuracy": 0.0, "rewards/chosen": -0.01300, "rewards/rejected": -0.08748, "rewards/accuracies": 1.0, "rewards/margins": 0.07448, "logps/chosen": -22.26150, "logps/rejected": -152.66256, "epoch": 2.25, "eval_loss": 0.67578, "eval_entropy": 5.54452, "eval_num_tokens": 1600.0, "eval_logits/chosen": -0.00649, "eval_logits/rejected": -0.00516, "eval_mean_token_accuracy": 0.0, "eval_rewards/chosen": -0.04010, "eval_rewards/rejected": -0.07641, "eval_rewards/accuracies": 0.66666, "eval_rewards/margins": 0.03630, "eval_logps/chosen": -70.77635, "eval_logps/rejected": -137.35763}, "stopped_early": null, "training_seconds": 1.4}','local');
INSERT INTO runs VALUES(4,'sft','sft','finished','starter',NULL,'{"lora": null}',NULL,'0004-sft',NULL,0,'2026-11-26 12:38:26.129533','2026-11-26 12:38:26.131619','2026-11-26 12:38:26.134000',NULL,195,NULL,'{"started": {"device": "cpu"}, "adapter": "model", "seconds": 2.0}','local');
INSERT INTO runs VALUES(5,'reward','reward','finished','starter',NULL,'{}',NULL,'0005-reward',NULL,0,'2026-11-26 12:38:26.137616','2026-11-26 12:38:26.139277','2026-11-26 12:38:26.141000',NULL,197,NULL,'{"started": {"device": "cpu"}, "adapter": "adapter", "seconds": 2.0}','local');
CREATE TABLE users (
	id INTEGER NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	password_hash TEXT, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_name UNIQUE (name), 
	CONSTRAINT ck_users_role CHECK (role IN ('annotator', 'admin'))
);
INSERT INTO users VALUES(1,'local','admin',NULL,'2026-11-26 12:38:10.409373');
CREATE TABLE adapters (
	id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	folder TEXT NOT NULL, 
	base_model TEXT NOT NULL, 
	parent_id INTEGER, 
	manifest_hash VARCHAR(80) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_adapters PRIMARY KEY (id), 
	CONSTRAINT fk_adapters_parent_id FOREIGN KEY(parent_id) REFERENCES adapters (id), 
	CONSTRAINT fk_adapters_run_id FOREIGN KEY(run_id) REFERENCES runs (id), 
	CONSTRAINT uq_adapters_folder UNIQUE (folder)
);
INSERT INTO adapters VALUES(1,2,'runs/0002-dpo/adapter','starter',NULL,'56459f803c61277b722467d4d6c11d320485ff85a0e9a5b84c73895bc170d055','2026-11-26 12:38:18.100265');
INSERT INTO adapters VALUES(2,3,'runs/0003-dpo/adapter','starter',1,'e1fc793a9c190038ad2f173c388bbbce38614343f3dbac2efda661c837c04cc2','2026-11-26 12:38:26.092367');
INSERT INTO adapters VALUES(3,4,'runs/0004-sft/model','starter',NULL,'81457fb2cc9890d7caf1719236681f2e4b0e055cde5ea216dff47dd83effcc66','2026-11-26 12:38:26.136706');
INSERT INTO adapters VALUES(4,5,'runs/0005-reward/adapter','starter',NULL,'50832fdb8e24f0467d3c230e0c7f7d9b1f5c411d18401d3df2644d89f52912ef','2026-11-26 12:38:26.144013');
CREATE TABLE completions (
	id INTEGER NOT NULL, 
	prompt_id INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	origin VARCHAR(16) NOT NULL, 
	model TEXT, 
	adapter TEXT, 
	sampling JSON, 
	seed INTEGER, 
	num_tokens INTEGER, 
	finish_reason VARCHAR(32), 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_completions PRIMARY KEY (id), 
	CONSTRAINT fk_completions_prompt_id FOREIGN KEY(prompt_id) REFERENCES prompts (id), 
	CONSTRAINT ck_completions_origin CHECK (origin IN ('generated', 'imported', 'edited'))
);
INSERT INTO completions VALUES(1,1,'2.','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.419328');
INSERT INTO completions VALUES(2,1,'I would say 2 rivers, sir.','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.419328');
INSERT INTO completions VALUES(3,2,'3.','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.419328');
INSERT INTO completions VALUES(4,2,'I would say 3 hills, sir.','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.419328');
INSERT INTO completions VALUES(5,3,'4.','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.419328');
INSERT INTO completions VALUES(6,3,'I would say 4 seas, sir.','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.419328');
INSERT INTO completions VALUES(7,4,'5.','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.419328');
INSERT INTO completions VALUES(8,4,'I would say 5 trees, sir.','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.419328');
INSERT INTO completions VALUES(9,5,'6.','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.419328');
INSERT INTO completions VALUES(10,5,'I would say 6 birds, sir.','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.419328');
INSERT INTO completions VALUES(11,6,'7.','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.419328');
INSERT INTO completions VALUES(12,6,'I would say 7 stones, sir.','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.419328');
INSERT INTO completions VALUES(13,7,'8.','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.419328');
INSERT INTO completions VALUES(14,7,'I would say 8 winds, sir.','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.419328');
INSERT INTO completions VALUES(15,8,'半小时。','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.419328');
INSERT INTO completions VALUES(16,8,'很久很久。','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.419328');
INSERT INTO completions VALUES(17,9,'Hello, warm one!','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.439971');
INSERT INTO completions VALUES(18,9,'Good day. (warm)','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.439971');
INSERT INTO completions VALUES(19,10,'Hello, short one!','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.439971');
INSERT INTO completions VALUES(20,10,'Good day. (short)','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.439971');
INSERT INTO completions VALUES(21,11,'Hello, formal one!','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.439971');
INSERT INTO completions VALUES(22,11,'Good day. (formal)','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.439971');
INSERT INTO completions VALUES(23,12,'Hello, funny one!','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.439971');
INSERT INTO completions VALUES(24,12,'Good day. (funny)','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.439971');
INSERT INTO completions VALUES(25,13,'Hello, quiet one!','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.439971');
INSERT INTO completions VALUES(26,13,'Good day. (quiet)','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.439971');
INSERT INTO completions VALUES(27,14,'Hello, loud one!','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.439971');
INSERT INTO completions VALUES(28,14,'Good day. (loud)','imported',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.439971');
INSERT INTO completions VALUES(29,13,'First generated answer 0.','generated','starter',NULL,'{"temperature": 0.9, "top_p": 0.95, "max_new_tokens": 256, "seed": 0, "repetition_penalty": 1.0}',1,6,'stop','2026-11-26 12:38:10.497471');
INSERT INTO completions VALUES(30,13,'Second one, number 0.','generated','starter',NULL,'{"temperature": 0.9, "top_p": 0.95, "max_new_tokens": 256, "seed": 0, "repetition_penalty": 1.0}',2,5,'stop','2026-11-26 12:38:10.497475');
INSERT INTO completions VALUES(31,1,'First generated answer 1.','generated','starter',NULL,'{"temperature": 0.9, "top_p": 0.95, "max_new_tokens": 256, "seed": 0, "repetition_penalty": 1.0}',1,6,'stop','2026-11-26 12:38:10.499838');
INSERT INTO completions VALUES(32,1,'Second one, number 1.','generated','starter',NULL,'{"temperature": 0.9, "top_p": 0.95, "max_new_tokens": 256, "seed": 0, "repetition_penalty": 1.0}',2,5,'stop','2026-11-26 12:38:10.499840');
INSERT INTO completions VALUES(33,12,'Hello there, my loud friend.','edited',NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.615359');
INSERT INTO completions VALUES(34,15,'Base says 0.','generated','starter',NULL,NULL,1,4,'stop','2026-11-26 12:38:26.108789');
INSERT INTO completions VALUES(35,15,'Tuned says 0.','generated','starter','runs/0002-dpo/adapter',NULL,1,4,'stop','2026-11-26 12:38:26.108791');
INSERT INTO completions VALUES(36,16,'Base says 1.','generated','starter',NULL,NULL,1,4,'stop','2026-11-26 12:38:26.111004');
INSERT INTO completions VALUES(37,16,'Tuned says 1.','generated','starter','runs/0002-dpo/adapter',NULL,1,4,'stop','2026-11-26 12:38:26.111006');
INSERT INTO completions VALUES(38,17,'Base says 2.','generated','starter',NULL,NULL,1,4,'stop','2026-11-26 12:38:26.116942');
INSERT INTO completions VALUES(39,17,'Tuned says 2.','generated','starter','runs/0002-dpo/adapter',NULL,1,4,'stop','2026-11-26 12:38:26.116944');
CREATE TABLE labellers (
	id INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	user_id INTEGER, 
	configuration JSON, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_labellers PRIMARY KEY (id), 
	CONSTRAINT fk_labellers_user_id FOREIGN KEY(user_id) REFERENCES users (id), 
	CONSTRAINT uq_labellers_kind_name UNIQUE (kind, name), 
	CONSTRAINT uq_labellers_user_id UNIQUE (user_id), 
	CONSTRAINT ck_labellers_kind CHECK (kind IN ('human', 'reward_model', 'llm_judge', 'imported'))
);
INSERT INTO labellers VALUES(1,'imported','judged.jsonl',NULL,NULL,'2026-11-26 12:38:10.422237');
INSERT INTO labellers VALUES(2,'imported','wrong.jsonl',NULL,NULL,'2026-11-26 12:38:10.451603');
INSERT INTO labellers VALUES(3,'human','local',1,NULL,'2026-11-26 12:38:10.503520');
CREATE TABLE metrics (
	id INTEGER NOT NULL, 
	run_id INTEGER NOT NULL, 
	seq INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	value DOUBLE, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_metrics PRIMARY KEY (id), 
	CONSTRAINT fk_metrics_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE, 
	CONSTRAINT uq_metrics_run_id_seq_name UNIQUE (run_id, seq, name)
);
INSERT INTO metrics VALUES(1,2,5,1,'loss',0.69314,'2026-11-26 12:38:17.592000');
INSERT INTO metrics VALUES(11,2,5,1,'rewards/accuracies',0.0,'2026-11-26 12:38:17.592000');
INSERT INTO metrics VALUES(12,2,5,1,'rewards/margins',0.0,'2026-11-26 12:38:17.592000');
INSERT INTO metrics VALUES(16,2,7,2,'loss',0.69186,'2026-11-26 12:38:17.699000');
INSERT INTO metrics VALUES(26,2,7,2,'rewards/accuracies',1.0,'2026-11-26 12:38:17.699000');
INSERT INTO metrics VALUES(27,2,7,2,'rewards/margins',0.00255,'2026-11-26 12:38:17.699000');
INSERT INTO metrics VALUES(31,2,9,3,'loss',0.69164,'2026-11-26 12:38:17.845000');
INSERT INTO metrics VALUES(41,2,9,3,'rewards/accuracies',0.5,'2026-11-26 12:38:17.845000');
INSERT INTO metrics VALUES(42,2,9,3,'rewards/margins',0.00301,'2026-11-26 12:38:17.845000');
INSERT INTO metrics VALUES(46,2,10,3,'eval_loss',0.68951,'2026-11-26 12:38:17.882000');
INSERT INTO metrics VALUES(54,2,10,3,'eval_rewards/accuracies',0.66666,'2026-11-26 12:38:17.882000');
INSERT INTO metrics VALUES(59,2,12,4,'loss',0.68536,'2026-11-26 12:38:17.913000');
INSERT INTO metrics VALUES(69,2,12,4,'rewards/accuracies',1.0,'2026-11-26 12:38:17.913000');
INSERT INTO metrics VALUES(70,2,12,4,'rewards/margins',0.01561,'2026-11-26 12:38:17.913000');
INSERT INTO metrics VALUES(74,2,14,5,'loss',0.68429,'2026-11-26 12:38:17.983000');
INSERT INTO metrics VALUES(84,2,14,5,'rewards/accuracies',1.0,'2026-11-26 12:38:17.983000');
INSERT INTO metrics VALUES(85,2,14,5,'rewards/margins',0.01777,'2026-11-26 12:38:17.983000');
INSERT INTO metrics VALUES(89,2,16,6,'loss',0.68673,'2026-11-26 12:38:18.017000');
INSERT INTO metrics VALUES(99,2,16,6,'rewards/accuracies',0.5,'2026-11-26 12:38:18.017000');
INSERT INTO metrics VALUES(100,2,16,6,'rewards/margins',0.01291,'2026-11-26 12:38:18.017000');
INSERT INTO metrics VALUES(104,2,17,6,'eval_loss',0.68537,'2026-11-26 12:38:18.034000');
INSERT INTO metrics VALUES(112,2,17,6,'eval_rewards/accuracies',0.66666,'2026-11-26 12:38:18.034000');
INSERT INTO metrics VALUES(117,3,5,1,'loss',0.69314,'2026-11-26 12:38:25.204000');
INSERT INTO metrics VALUES(127,3,5,1,'rewards/accuracies',0.0,'2026-11-26 12:38:25.204000');
INSERT INTO metrics VALUES(128,3,5,1,'rewards/margins',0.0,'2026-11-26 12:38:25.204000');
INSERT INTO metrics VALUES(132,3,7,2,'loss',0.69120,'2026-11-26 12:38:25.299000');
INSERT INTO metrics VALUES(142,3,7,2,'rewards/accuracies',1.0,'2026-11-26 12:38:25.299000');
INSERT INTO metrics VALUES(143,3,7,2,'rewards/margins',0.00388,'2026-11-26 12:38:25.299000');
INSERT INTO metrics VALUES(147,3,9,3,'loss',0.69008,'2026-11-26 12:38:25.403000');
INSERT INTO metrics VALUES(157,3,9,3,'rewards/accuracies',0.5,'2026-11-26 12:38:25.403000');
INSERT INTO metrics VALUES(158,3,9,3,'rewards/margins',0.00615,'2026-11-26 12:38:25.403000');
INSERT INTO metrics VALUES(162,3,10,3,'eval_loss',0.68729,'2026-11-26 12:38:25.450000');
INSERT INTO metrics VALUES(170,3,10,3,'eval_rewards/accuracies',0.66666,'2026-11-26 12:38:25.450000');
INSERT INTO metrics VALUES(175,3,12,4,'loss',0.68033,'2026-11-26 12:38:25.536000');
INSERT INTO metrics VALUES(185,3,12,4,'rewards/accuracies',1.0,'2026-11-26 12:38:25.536000');
INSERT INTO metrics VALUES(186,3,12,4,'rewards/margins',0.02579,'2026-11-26 12:38:25.536000');
INSERT INTO metrics VALUES(190,3,14,5,'loss',0.67786,'2026-11-26 12:38:25.614000');
INSERT INTO metrics VALUES(200,3,14,5,'rewards/accuracies',1.0,'2026-11-26 12:38:25.614000');
INSERT INTO metrics VALUES(201,3,14,5,'rewards/margins',0.03080,'2026-11-26 12:38:25.614000');
INSERT INTO metrics VALUES(205,3,16,6,'loss',0.68273,'2026-11-26 12:38:25.736000');
INSERT INTO metrics VALUES(215,3,16,6,'rewards/accuracies',0.5,'2026-11-26 12:38:25.736000');
INSERT INTO metrics VALUES(216,3,16,6,'rewards/margins',0.02109,'2026-11-26 12:38:25.736000');
INSERT INTO metrics VALUES(220,3,17,6,'eval_loss',0.68160,'2026-11-26 12:38:25.750000');
INSERT INTO metrics VALUES(228,3,17,6,'eval_rewards/accuracies',0.66666,'2026-11-26 12:38:25.750000');
INSERT INTO metrics VALUES(233,3,19,7,'loss',0.67863,'2026-11-26 12:38:25.843000');
INSERT INTO metrics VALUES(243,3,19,7,'rewards/accuracies',1.0,'2026-11-26 12:38:25.843000');
INSERT INTO metrics VALUES(244,3,19,7,'rewards/margins',0.02935,'2026-11-26 12:38:25.843000');
INSERT INTO metrics VALUES(248,3,21,8,'loss',0.66471,'2026-11-26 12:38:25.947000');
INSERT INTO metrics VALUES(258,3,21,8,'rewards/accuracies',1.0,'2026-11-26 12:38:25.947000');
INSERT INTO metrics VALUES(259,3,21,8,'rewards/margins',0.05770,'2026-11-26 12:38:25.947000');
INSERT INTO metrics VALUES(263,3,23,9,'loss',0.65660,'2026-11-26 12:38:26.005000');
INSERT INTO metrics VALUES(273,3,23,9,'rewards/accuracies',1.0,'2026-11-26 12:38:26.005000');
INSERT INTO metrics VALUES(274,3,23,9,'rewards/margins',0.07448,'2026-11-26 12:38:26.005000');
INSERT INTO metrics VALUES(278,3,24,9,'eval_loss',0.67578,'2026-11-26 12:38:26.020000');
INSERT INTO metrics VALUES(286,3,24,9,'eval_rewards/accuracies',0.66666,'2026-11-26 12:38:26.020000');
CREATE TABLE sessions (
	token_hash VARCHAR(64) NOT NULL, 
	user_id INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	expires_at DATETIME NOT NULL, 
	CONSTRAINT pk_sessions PRIMARY KEY (token_hash), 
	CONSTRAINT fk_sessions_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
CREATE TABLE pairs (
	id INTEGER NOT NULL, 
	prompt_id INTEGER NOT NULL, 
	completion_a INTEGER NOT NULL, 
	completion_b INTEGER NOT NULL, 
	origin VARCHAR(16) NOT NULL, 
	round INTEGER NOT NULL, 
	run_id INTEGER, 
	adapter_id INTEGER, 
	import_hash VARCHAR(64), 
	asked_by INTEGER, 
	shown_left VARCHAR(16), 
	created_at DATETIME NOT NULL, details JSON, import_id INTEGER, 
	CONSTRAINT pk_pairs PRIMARY KEY (id), 
	CONSTRAINT ck_pairs_two_completions CHECK (completion_a <> completion_b), 
	CONSTRAINT fk_pairs_adapter_id FOREIGN KEY(adapter_id) REFERENCES adapters (id), 
	CONSTRAINT fk_pairs_asked_by FOREIGN KEY(asked_by) REFERENCES labellers (id), 
	CONSTRAINT fk_pairs_completion_a FOREIGN KEY(completion_a) REFERENCES completions (id), 
	CONSTRAINT fk_pairs_completion_b FOREIGN KEY(completion_b) REFERENCES completions (id), 
	CONSTRAINT fk_pairs_prompt_id FOREIGN KEY(prompt_id) REFERENCES prompts (id), 
	CONSTRAINT fk_pairs_run_id FOREIGN KEY(run_id) REFERENCES runs (id), 
	CONSTRAINT uq_pairs_import_hash UNIQUE (import_hash), 
	CONSTRAINT ck_pairs_origin CHECK (origin IN ('generated', 'imported', 'comparison')), 
	CONSTRAINT ck_pairs_side CHECK (shown_left IN ('a', 'b'))
);
INSERT INTO pairs VALUES(1,1,1,2,'imported',0,NULL,NULL,'0000000000000001ba81eda8c3ac97297775e1c8a4bd88e59c7633ae29e9d220',NULL,NULL,'2026-11-26 12:38:10.420116','{"difficulty": "easy"}',1);
INSERT INTO pairs VALUES(2,2,3,4,'imported',0,NULL,NULL,'0000000000000002a96c6333e6c89714ccd0ef1bd150b61865373ad9bd4b25e0',NULL,NULL,'2026-11-26 12:38:10.420116','{"difficulty": "easy"}',1);
INSERT INTO pairs VALUES(3,3,5,6,'imported',0,NULL,NULL,'0000000000000003bdfdca8ad0c2607c628dc9df6b6853f082bd894da493e684',NULL,NULL,'2026-11-26 12:38:10.420116','{"difficulty": "easy"}',1);
INSERT INTO pairs VALUES(4,4,7,8,'imported',0,NULL,NULL,'00000000000000043b50aa1daa07ba3e772b9d229330b367ce34c5d057c6c3e5',NULL,NULL,'2026-11-26 12:38:10.420116','{"difficulty": "easy"}',1);
INSERT INTO pairs VALUES(5,5,9,10,'imported',0,NULL,NULL,'0000000000000005d68c21429f78f402a086e9c69475d236c22068fa74b76b8f',NULL,NULL,'2026-11-26 12:38:10.420116','{"difficulty": "easy"}',1);
INSERT INTO pairs VALUES(6,6,11,12,'imported',0,NULL,NULL,'0000000000000006e65e8e137d5cd6d768d110d1a6f86167a42005cb025588ee',NULL,NULL,'2026-11-26 12:38:10.420116','{"difficulty": "easy"}',1);
INSERT INTO pairs VALUES(7,7,13,14,'imported',0,NULL,NULL,'000000000000000711a85c6097b6c601afada8cf9746fbfcc40f422ad14a9c58',NULL,NULL,'2026-11-26 12:38:10.420116','{"difficulty": "easy"}',1);
INSERT INTO pairs VALUES(8,8,15,16,'imported',0,NULL,NULL,'00000000000000087432e6ffc63d626b1e0af23c7cc950573432970262c5f31a',NULL,NULL,'2026-11-26 12:38:10.420116',NULL,1);
INSERT INTO pairs VALUES(9,9,17,18,'imported',0,NULL,NULL,'00000000000000094c818f791a01add33ee96025d432fd09bde3e0c40d25e3fb',NULL,NULL,'2026-11-26 12:38:10.440477',NULL,2);
INSERT INTO pairs VALUES(10,10,19,20,'imported',0,NULL,NULL,'000000000000000a8d9fdf0a00a2670d0784616e6b8051213b7b4b8bc3ce2089',NULL,NULL,'2026-11-26 12:38:10.440477',NULL,2);
INSERT INTO pairs VALUES(11,11,21,22,'imported',0,NULL,NULL,'000000000000000b08498761750f4a31d4b9d7c219c35fb99ed8018a7e4580cb',NULL,NULL,'2026-11-26 12:38:10.440477',NULL,2);
INSERT INTO pairs VALUES(12,12,23,24,'imported',0,NULL,NULL,'000000000000000ca0a35999ad554759dd8fdb0f65c16cf504f6330c5652ec79',NULL,NULL,'2026-11-26 12:38:10.440477',NULL,2);
INSERT INTO pairs VALUES(13,13,25,26,'imported',0,NULL,NULL,'000000000000000da505b84412d57b1cbdd60a18e866e4fecd2303a95981cfc1',NULL,NULL,'2026-11-26 12:38:10.440477',NULL,2);
INSERT INTO pairs VALUES(14,14,27,28,'imported',0,NULL,NULL,'000000000000000edced2f6d3d2448f1c1107773bf21cb9a8f1ee8c015ad50b2',NULL,NULL,'2026-11-26 12:38:10.440477',NULL,2);
INSERT INTO pairs VALUES(15,13,29,30,'generated',0,1,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.498516',NULL,NULL);
INSERT INTO pairs VALUES(16,1,31,32,'generated',0,1,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.500140',NULL,NULL);
INSERT INTO pairs VALUES(17,12,33,23,'imported',0,NULL,NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.615847',NULL,NULL);
INSERT INTO pairs VALUES(18,15,34,35,'comparison',0,NULL,1,NULL,3,'a','2026-11-26 12:38:26.109281',NULL,NULL);
INSERT INTO pairs VALUES(19,16,36,37,'comparison',0,NULL,1,NULL,3,'b','2026-11-26 12:38:26.115565',NULL,NULL);
INSERT INTO pairs VALUES(20,17,38,39,'comparison',0,NULL,1,NULL,3,'a','2026-11-26 12:38:26.117252',NULL,NULL);
CREATE TABLE preferences (
	id INTEGER NOT NULL, 
	submit_id VARCHAR(64) NOT NULL, 
	pair_id INTEGER NOT NULL, 
	labeller_id INTEGER NOT NULL, 
	verdict VARCHAR(16) NOT NULL, 
	"left" VARCHAR(16), 
	seconds DOUBLE, 
	rationale TEXT, 
	strength DOUBLE, 
	created_at DATETIME NOT NULL, 
	withdrawn_at DATETIME, 
	superseded_by INTEGER, import_id INTEGER, 
	CONSTRAINT pk_preferences PRIMARY KEY (id), 
	CONSTRAINT fk_preferences_labeller_id FOREIGN KEY(labeller_id) REFERENCES labellers (id), 
	CONSTRAINT fk_preferences_pair_id FOREIGN KEY(pair_id) REFERENCES pairs (id), 
	CONSTRAINT fk_preferences_superseded_by FOREIGN KEY(superseded_by) REFERENCES preferences (id), 
	CONSTRAINT uq_preferences_submit_id UNIQUE (submit_id), 
	CONSTRAINT ck_preferences_verdict CHECK (verdict IN ('a', 'b', 'tie', 'both_bad', 'skip')), 
	CONSTRAINT ck_preferences_side CHECK ("left" IN ('a', 'b'))
);
INSERT INTO preferences VALUES(1,'3c25a0fb75ca47aabaa74e176857e8e9-0',1,1,'a',NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.423628',NULL,NULL,1);
INSERT INTO preferences VALUES(2,'3c25a0fb75ca47aabaa74e176857e8e9-1',2,1,'a',NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.423628','2026-11-26 12:38:26.147463',NULL,1);
INSERT INTO preferences VALUES(3,'3c25a0fb75ca47aabaa74e176857e8e9-2',3,1,'a',NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.423628',NULL,NULL,1);
INSERT INTO preferences VALUES(4,'3c25a0fb75ca47aabaa74e176857e8e9-3',4,1,'a',NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.423628',NULL,NULL,1);
INSERT INTO preferences VALUES(5,'3c25a0fb75ca47aabaa74e176857e8e9-4',5,1,'a',NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.423628',NULL,NULL,1);
INSERT INTO preferences VALUES(6,'3c25a0fb75ca47aabaa74e176857e8e9-5',6,1,'a',NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.423628',NULL,NULL,1);
INSERT INTO preferences VALUES(7,'3c25a0fb75ca47aabaa74e176857e8e9-6',7,1,'a',NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.423628',NULL,NULL,1);
INSERT INTO preferences VALUES(8,'3c25a0fb75ca47aabaa74e176857e8e9-7',8,1,'a',NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.423628',NULL,NULL,1);
INSERT INTO preferences VALUES(9,'fd3685dd99824d229f6b7e3df3f6ee7e',9,3,'a','a',2.5,'kinder',NULL,'2026-11-26 12:38:10.517372',NULL,NULL,NULL);
INSERT INTO preferences VALUES(10,'87ce03185dfe48128867773f71ba8065',10,3,'b','a',2.5,NULL,NULL,'2026-11-26 12:38:10.540156','2026-11-26 12:38:10.555794',11,NULL);
INSERT INTO preferences VALUES(11,'7126ceb93b9148d6b59ba059cfca3dcf',10,3,'tie','a',2.5,NULL,NULL,'2026-11-26 12:38:10.582451',NULL,NULL,NULL);
INSERT INTO preferences VALUES(12,'d35aa1379ef44b42835b180444800bf9',11,3,'skip','a',2.5,NULL,NULL,'2026-11-26 12:38:10.599776',NULL,NULL,NULL);
INSERT INTO preferences VALUES(13,'57e93d9e88a04ea5a446b8bc8ac0deff',17,3,'a',NULL,NULL,NULL,NULL,'2026-11-26 12:38:10.612747',NULL,NULL,NULL);
INSERT INTO preferences VALUES(14,'cc4f967d4d0c4860b9cb930ae2455e3e',12,3,'both_bad','a',2.5,NULL,NULL,'2026-11-26 12:38:10.627237',NULL,NULL,NULL);
INSERT INTO preferences VALUES(15,'785aa2b4d71343c5ad273b75edfd0bf5',18,3,'b','a',NULL,NULL,NULL,'2026-11-26 12:38:26.119031',NULL,NULL,NULL);
INSERT INTO preferences VALUES(16,'8b1f201bab704c1b925679785ad662d6',19,3,'b','b',NULL,NULL,NULL,'2026-11-26 12:38:26.123650',NULL,NULL,NULL);
INSERT INTO preferences VALUES(17,'eab413307812432ca2e9afdd46b30d02',20,3,'tie','a',NULL,NULL,NULL,'2026-11-26 12:38:26.126487',NULL,NULL,NULL);
CREATE TABLE claims (
	id INTEGER NOT NULL, 
	pair_id INTEGER NOT NULL, 
	slot INTEGER NOT NULL, 
	labeller_id INTEGER, 
	until DATETIME, 
	"left" VARCHAR(16), 
	turn INTEGER, 
	preference_id INTEGER, 
	CONSTRAINT pk_claims PRIMARY KEY (id), 
	CONSTRAINT fk_claims_labeller_id FOREIGN KEY(labeller_id) REFERENCES labellers (id), 
	CONSTRAINT fk_claims_pair_id FOREIGN KEY(pair_id) REFERENCES pairs (id), 
	CONSTRAINT fk_claims_preference_id FOREIGN KEY(preference_id) REFERENCES preferences (id), 
	CONSTRAINT uq_claims_pair_id_slot UNIQUE (pair_id, slot), 
	CONSTRAINT ck_claims_side CHECK ("left" IN ('a', 'b'))
);
INSERT INTO claims VALUES(1,1,0,NULL,NULL,NULL,NULL,1);
INSERT INTO claims VALUES(2,2,0,NULL,NULL,NULL,NULL,NULL);
INSERT INTO claims VALUES(3,3,0,NULL,NULL,NULL,NULL,3);
INSERT INTO claims VALUES(4,4,0,NULL,NULL,NULL,NULL,4);
INSERT INTO claims VALUES(5,5,0,NULL,NULL,NULL,NULL,5);
INSERT INTO claims VALUES(6,6,0,NULL,NULL,NULL,NULL,6);
INSERT INTO claims VALUES(7,7,0,NULL,NULL,NULL,NULL,7);
INSERT INTO claims VALUES(8,8,0,NULL,NULL,NULL,NULL,8);
INSERT INTO claims VALUES(9,9,0,3,'2026-11-26 13:08:10.503719','a',1,9);
INSERT INTO claims VALUES(10,10,0,3,'2026-11-26 13:08:10.573591','a',2,11);
INSERT INTO claims VALUES(11,11,0,NULL,NULL,NULL,NULL,NULL);
INSERT INTO claims VALUES(12,12,0,3,'2026-11-26 13:08:10.622240','a',4,14);
INSERT INTO claims VALUES(13,13,0,3,'2026-11-26 13:08:26.152962','b',5,NULL);
INSERT INTO claims VALUES(14,14,0,3,'2026-11-26 13:08:26.152962','a',6,NULL);
INSERT INTO claims VALUES(15,15,0,NULL,NULL,NULL,NULL,NULL);
INSERT INTO claims VALUES(16,16,0,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE imports (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	source VARCHAR(200) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	stop VARCHAR(16), 
	share DOUBLE NOT NULL, 
	report JSON, 
	error TEXT, 
	started_by VARCHAR(100) NOT NULL, 
	created_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	CONSTRAINT ck_imports_status CHECK (status IN ('running', 'taking_back', 'finished', 'kept', 'taken_back')), 
	CONSTRAINT ck_imports_stop CHECK (stop IN ('keep', 'take_back'))
);
INSERT INTO imports VALUES(1,'judged.jsonl','finished',NULL,1.0,'{"format": "TRL standard", "num_rows": 8, "num_prompts": 0, "num_pairs": 8, "num_ties": 0, "num_unlabelled": 0, "dropped": {}, "dropped_counts": {}, "examples": 5, "num_existing": 0, "num_verdicts": 8, "metadata_columns": ["difficulty"], "repetitive": [], "columns": ["prompt", "chosen", "rejected", "difficulty"]}',NULL,'local','2026-11-26 12:38:10.412157','2026-11-26 12:38:10.429068');
INSERT INTO imports VALUES(2,'open.jsonl','finished',NULL,1.0,'{"format": "two answers", "num_rows": 6, "num_prompts": 0, "num_pairs": 6, "num_ties": 0, "num_unlabelled": 6, "dropped": {}, "dropped_counts": {}, "examples": 5, "num_existing": 0, "num_verdicts": 0, "metadata_columns": [], "repetitive": [], "columns": ["prompt", "answer_a", "answer_b"]}',NULL,'local','2026-11-26 12:38:10.434869','2026-11-26 12:38:10.443710');
INSERT INTO imports VALUES(3,'wrong.jsonl','taken_back','take_back',1.0,'{"format": "TRL standard", "num_rows": 3, "num_prompts": 0, "num_pairs": 3, "num_ties": 0, "num_unlabelled": 0, "dropped": {}, "dropped_counts": {}, "examples": 3, "num_existing": 0, "num_verdicts": 3, "metadata_columns": [], "repetitive": [], "columns": ["prompt", "chosen", "rejected"]}',NULL,'local','2026-11-26 12:38:10.446504','2026-11-26 12:38:10.471986');
INSERT INTO imports VALUES(4,'kept.jsonl','kept','keep',0.0,NULL,NULL,'local','2026-11-26 12:38:10.473274','2026-11-26 12:38:10.473617');
INSERT INTO imports VALUES(5,'cut.jsonl','taking_back',NULL,0.0,NULL,'The server was stopped in the middle of this import. Import the file again.','local','2026-11-26 12:38:10.474143',NULL);
CREATE TABLE presets (
	id INTEGER NOT NULL, 
	name VARCHAR(40) NOT NULL, 
	options JSON NOT NULL, 
	created_by VARCHAR(100) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_presets PRIMARY KEY (id), 
	CONSTRAINT uq_presets_name UNIQUE (name)
);
INSERT INTO presets VALUES(1,'mine','{"training": {"beta": 0.2, "loss_type": "sigmoid", "label_smoothing": 0.0, "sft_weight": 1.0, "reference": "start", "learning_rate": 0.0003, "num_train_epochs": 3.0, "max_steps": -1, "per_device_train_batch_size": 4, "gradient_accumulation_steps": 1, "per_device_eval_batch_size": 4, "max_length": 1024, "gradient_checkpointing": false, "precompute_ref_log_probs": true, "lr_scheduler_type": "constant", "warmup_steps": 0.0, "weight_decay": 0.0, "max_grad_norm": 1.0, "optim": "adamw_torch_fused", "disable_dropout": true, "logging_steps": 1, "eval_steps": 10, "save_steps": 20, "seed": 42}, "lora": {"r": 8, "lora_alpha": 16, "lora_dropout": 0.0, "target_modules": "all-linear", "use_rslora": false}, "quantization": null, "stopping": {"rewards_margins": 1.5, "rewards_accuracies": 0.9, "num_steps": 5}}','local','2026-11-26 12:38:26.146697');
CREATE TABLE search_progress (
	kind VARCHAR(16) NOT NULL, 
	indexed_to INTEGER NOT NULL, 
	CONSTRAINT pk_search_progress PRIMARY KEY (kind), 
	CONSTRAINT ck_search_progress_kind CHECK (kind IN ('prompts', 'pairs'))
);
INSERT INTO search_progress VALUES('prompts',0);
INSERT INTO search_progress VALUES('pairs',0);
CREATE VIRTUAL TABLE pairs_grams USING fts5(grams, content='', columnsize=0, detail=none, tokenize='ascii');
CREATE VIRTUAL TABLE prompts_grams USING fts5(grams, content='', columnsize=0, detail=none, tokenize='ascii');
CREATE TABLE tallies (
	kind VARCHAR(16) NOT NULL, 
	number INTEGER NOT NULL, 
	CONSTRAINT pk_tallies PRIMARY KEY (kind), 
	CONSTRAINT ck_tallies_kind CHECK (kind IN ('prompts', 'pairs', 'verdicts', 'labelled', 'open'))
)
 WITHOUT ROWID

;
INSERT INTO tallies VALUES('labelled',14);
INSERT INTO tallies VALUES('open',6);
INSERT INTO tallies VALUES('pairs',20);
INSERT INTO tallies VALUES('prompts',17);
INSERT INTO tallies VALUES('verdicts',17);
CREATE TABLE verdict_tallies (
	labeller_id INTEGER NOT NULL, 
	verdict VARCHAR(16) NOT NULL, 
	"left" VARCHAR(1) NOT NULL, 
	number INTEGER NOT NULL, 
	CONSTRAINT pk_verdict_tallies PRIMARY KEY (labeller_id, verdict, "left"), 
	CONSTRAINT fk_verdict_tallies_labeller_id FOREIGN KEY(labeller_id) REFERENCES labellers (id), 
	CONSTRAINT ck_verdict_tallies_verdict CHECK (verdict IN ('a', 'b', 'tie', 'both_bad', 'skip'))
)
 WITHOUT ROWID

;
INSERT INTO verdict_tallies VALUES(1,'a','',7);
INSERT INTO verdict_tallies VALUES(2,'a','',0);
INSERT INTO verdict_tallies VALUES(3,'a','',1);
INSERT INTO verdict_tallies VALUES(3,'a','a',1);
INSERT INTO verdict_tallies VALUES(3,'b','a',1);
INSERT INTO verdict_tallies VALUES(3,'b','b',1);
INSERT INTO verdict_tallies VALUES(3,'both_bad','a',1);
INSERT INTO verdict_tallies VALUES(3,'skip','a',1);
INSERT INTO verdict_tallies VALUES(3,'tie','a',2);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('imports',5);
INSERT INTO sqlite_sequence VALUES('runs',5);
CREATE INDEX ix_runs_kind_status ON runs (kind, status);
CREATE INDEX ix_adapters_run_id ON adapters (run_id);
CREATE INDEX ix_completions_prompt_id ON completions (prompt_id);
CREATE INDEX ix_sessions_user_id ON sessions (user_id);
CREATE INDEX ix_pairs_comparison ON pairs (adapter_id) WHERE origin = 'comparison';
CREATE INDEX ix_pairs_prompt_id ON pairs (prompt_id);
CREATE INDEX ix_preferences_decided ON preferences (pair_id, verdict, withdrawn_at, superseded_by) WHERE withdrawn_at IS NULL AND superseded_by IS NULL AND verdict <> 'skip';
CREATE INDEX ix_preferences_skipped ON preferences (labeller_id, pair_id, verdict, withdrawn_at, superseded_by) WHERE withdrawn_at IS NULL AND superseded_by IS NULL AND verdict = 'skip';
CREATE UNIQUE INDEX uq_preferences_active ON preferences (labeller_id, pair_id) WHERE withdrawn_at IS NULL AND superseded_by IS NULL;
CREATE INDEX ix_preferences_labeller_id_id ON preferences (labeller_id, id);
CREATE INDEX ix_preferences_pair_id_labeller_id ON preferences (pair_id, labeller_id);
CREATE INDEX ix_claims_held ON claims (labeller_id) WHERE preference_id IS NULL AND labeller_id IS NOT NULL;
CREATE INDEX ix_claims_open ON claims (pair_id, slot, preference_id) WHERE preference_id IS NULL;
CREATE INDEX ix_imports_status ON imports (status);
CREATE INDEX ix_prompts_import_id ON prompts (import_id) WHERE import_id IS NOT NULL;
CREATE INDEX ix_pairs_import_id ON pairs (import_id) WHERE import_id IS NOT NULL;
CREATE INDEX ix_preferences_import_id ON preferences (import_id) WHERE import_id IS NOT NULL;
CREATE INDEX ix_pairs_completion_a ON pairs (completion_a);
CREATE INDEX ix_pairs_completion_b ON pairs (completion_b);
CREATE INDEX ix_preferences_superseded_by ON preferences (superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX ix_claims_closed ON claims (preference_id) WHERE preference_id IS NOT NULL;
CREATE TRIGGER prompts_search_again AFTER DELETE ON prompts BEGIN
            UPDATE search_progress SET indexed_to = (SELECT coalesce(max(id), 0) FROM prompts)
            WHERE kind = 'prompts' AND indexed_to > (SELECT coalesce(max(id), 0) FROM prompts);
        END;
CREATE TRIGGER pairs_search_again AFTER DELETE ON pairs BEGIN
            UPDATE search_progress SET indexed_to = (SELECT coalesce(max(id), 0) FROM pairs)
            WHERE kind = 'pairs' AND indexed_to > (SELECT coalesce(max(id), 0) FROM pairs);
        END;
CREATE INDEX ix_prompts_source ON prompts (source);
CREATE INDEX ix_prompts_tags ON prompts (tags) WHERE tags <> '[]';
CREATE INDEX ix_preferences_withdrawn ON preferences (withdrawn_at) WHERE withdrawn_at IS NOT NULL;
CREATE INDEX ix_preferences_undecisive ON preferences (verdict) WHERE verdict IN ('tie', 'both_bad', 'skip');
CREATE TRIGGER prompts_tally_insert AFTER INSERT ON prompts WHEN 1 BEGIN UPDATE tallies SET number = number + (1) WHERE kind = 'prompts'; END;
CREATE TRIGGER prompts_tally_delete AFTER DELETE ON prompts WHEN 1 BEGIN UPDATE tallies SET number = number + (-1) WHERE kind = 'prompts'; END;
CREATE TRIGGER pairs_tally_insert AFTER INSERT ON pairs WHEN 1 BEGIN UPDATE tallies SET number = number + (1) WHERE kind = 'pairs'; END;
CREATE TRIGGER pairs_tally_delete AFTER DELETE ON pairs WHEN 1 BEGIN UPDATE tallies SET number = number + (-1) WHERE kind = 'pairs'; END;
CREATE TRIGGER claims_tally_insert AFTER INSERT ON claims WHEN NEW.preference_id IS NULL BEGIN UPDATE tallies SET number = number + (1) WHERE kind = 'open'; END;
CREATE TRIGGER claims_tally_delete AFTER DELETE ON claims WHEN OLD.preference_id IS NULL BEGIN UPDATE tallies SET number = number + (-1) WHERE kind = 'open'; END;
CREATE TRIGGER claims_tally_update AFTER UPDATE OF preference_id ON claims WHEN (NEW.preference_id IS NULL) - (OLD.preference_id IS NULL) BEGIN UPDATE tallies SET number = number + ((NEW.preference_id IS NULL) - (OLD.preference_id IS NULL)) WHERE kind = 'open'; END;
CREATE TRIGGER preferences_tally_insert AFTER INSERT ON preferences WHEN 1 BEGIN UPDATE tallies SET number = number + (1) WHERE kind = 'verdicts'; INSERT INTO verdict_tallies SELECT NEW.labeller_id, NEW.verdict, coalesce(NEW."left", ''), 1 WHERE (NEW.withdrawn_at IS NULL AND NEW.superseded_by IS NULL) ON CONFLICT DO UPDATE SET number = number + 1; UPDATE tallies SET number = number + (1) WHERE kind = 'labelled' AND ((NEW.withdrawn_at IS NULL AND NEW.superseded_by IS NULL) AND NEW.verdict <> 'skip') AND NOT EXISTS (SELECT 1 FROM preferences AS p WHERE p.pair_id = NEW.pair_id AND p.id <> NEW.id AND ((p.withdrawn_at IS NULL AND p.superseded_by IS NULL) AND p.verdict <> 'skip')); END;
CREATE TRIGGER preferences_tally_delete AFTER DELETE ON preferences WHEN 1 BEGIN UPDATE tallies SET number = number + (-1) WHERE kind = 'verdicts'; INSERT INTO verdict_tallies SELECT OLD.labeller_id, OLD.verdict, coalesce(OLD."left", ''), -1 WHERE (OLD.withdrawn_at IS NULL AND OLD.superseded_by IS NULL) ON CONFLICT DO UPDATE SET number = number + -1; UPDATE tallies SET number = number + (-1) WHERE kind = 'labelled' AND ((OLD.withdrawn_at IS NULL AND OLD.superseded_by IS NULL) AND OLD.verdict <> 'skip') AND NOT EXISTS (SELECT 1 FROM preferences AS p WHERE p.pair_id = OLD.pair_id AND p.id <> OLD.id AND ((p.withdrawn_at IS NULL AND p.superseded_by IS NULL) AND p.verdict <> 'skip')); END;
CREATE TRIGGER preferences_tally_update AFTER UPDATE OF withdrawn_at, superseded_by ON preferences WHEN 1 BEGIN INSERT INTO verdict_tallies SELECT OLD.labeller_id, OLD.verdict, coalesce(OLD."left", ''), -1 WHERE (OLD.withdrawn_at IS NULL AND OLD.superseded_by IS NULL) AND NOT (NEW.withdrawn_at IS NULL AND NEW.superseded_by IS NULL) ON CONFLICT DO UPDATE SET number = number + -1; UPDATE tallies SET number = number + (-1) WHERE kind = 'labelled' AND ((OLD.withdrawn_at IS NULL AND OLD.superseded_by IS NULL) AND OLD.verdict <> 'skip') AND NOT (NEW.withdrawn_at IS NULL AND NEW.superseded_by IS NULL) AND NOT EXISTS (SELECT 1 FROM preferences AS p WHERE p.pair_id = OLD.pair_id AND p.id <> OLD.id AND ((p.withdrawn_at IS NULL AND p.superseded_by IS NULL) AND p.verdict <> 'skip')); INSERT INTO verdict_tallies SELECT NEW.labeller_id, NEW.verdict, coalesce(NEW."left", ''), 1 WHERE (NEW.withdrawn_at IS NULL AND NEW.superseded_by IS NULL) AND NOT (OLD.withdrawn_at IS NULL AND OLD.superseded_by IS NULL) ON CONFLICT DO UPDATE SET number = number + 1; UPDATE tallies SET number = number + (1) WHERE kind = 'labelled' AND ((NEW.withdrawn_at IS NULL AND NEW.superseded_by IS NULL) AND NEW.verdict <> 'skip') AND NOT (OLD.withdrawn_at IS NULL AND OLD.superseded_by IS NULL) AND NOT EXISTS (SELECT 1 FROM preferences AS p WHERE p.pair_id = NEW.pair_id AND p.id <> NEW.id AND ((p.withdrawn_at IS NULL AND p.superseded_by IS NULL) AND p.verdict <> 'skip')); END;
CREATE INDEX ix_pairs_run_id ON pairs (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX ix_preferences_labeller_day ON preferences (labeller_id, created_at, verdict, withdrawn_at, superseded_by, import_id) WHERE withdrawn_at IS NULL AND superseded_by IS NULL AND verdict <> 'skip' AND import_id IS NULL;
CREATE INDEX ix_preferences_seconds ON preferences (labeller_id, seconds, withdrawn_at, superseded_by) WHERE withdrawn_at IS NULL AND superseded_by IS NULL AND seconds IS NOT NULL;
COMMIT;
